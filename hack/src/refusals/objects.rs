//! Objects that the Kubernetes API must not take.

use anyhow::Result;
use serde_json::{Value, json};

use super::Refusal;
use crate::demo::Cluster;

pub(super) async fn all(cluster: &Cluster) -> Result<Vec<Refusal>> {
    let mut refusals = Vec::new();
    for (input, words, change) in changes() {
        let mut model = sound();
        change(&mut model["spec"]);
        refusals.push(Refusal::of(input, cluster.refusal_of("genesismodels", &model).await?, words));
    }
    let answer = cluster.refused_change(&json!({ "spec": { "baseModel": { "uri": "builtin://other" } } })).await?;
    refusals.push(Refusal::of(
        "another base model for a model that exists",
        answer,
        &["spec.baseModel", "cannot be changed"],
    ));
    Ok(refusals)
}

type Change = fn(&mut Value);

fn changes() -> [(&'static str, &'static [&'static str], Change); 5] {
    [
        ("a GenesisModel without a base model", &["spec.baseModel"], |spec| spec["baseModel"] = Value::Null),
        ("a GenesisModel with a base model of no known scheme", &["spec.baseModel.uri"], |spec| {
            spec["baseModel"]["uri"] = json!("ftp://models/base");
        }),
        ("a GenesisModel with text for a number", &["spec.triggers.minNewLearnings"], |spec| {
            spec["triggers"] = json!({ "minNewLearnings": "many" });
        }),
        ("a GenesisModel with an unknown field", &["unknown field", "spec.trigers"], |spec| {
            spec["trigers"] = json!({ "minNewLearnings": 5 });
        }),
        ("a GenesisModel whose canary never reaches all requests", &["steps"], |spec| {
            spec["rolloutTemplate"] = json!({ "steps": [{ "weight": 10, "minRequests": 1, "minSeconds": 1 }] });
        }),
    ]
}

/// A GenesisModel that would be taken.
fn sound() -> Value {
    json!({
        "apiVersion": "genesis.truth.si/v1alpha1",
        "kind": "GenesisModel",
        "metadata": { "name": "refused" },
        "spec": {
            "baseModel": { "uri": "builtin://seedling" },
            "servedModelName": "refused",
            "storage": { "uri": "file:///var/lib/genesis/artifacts" },
            "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
        },
    })
}
