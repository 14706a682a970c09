//! What the API server would say, asked without one.

mod rules;
mod samples;
mod shape;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::crds;

/// The definition of a kind.
fn definition(kind: &str) -> CustomResourceDefinition {
    crds().into_iter().find(|crd| crd.spec.names.kind == kind).expect("one of the four kinds")
}

/// The schema of a kind.
fn schema(kind: &str) -> Value {
    let version = &definition(kind).spec.versions[0];
    serde_json::to_value(version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()))
        .expect("a schema")
}

/// Everything that is wrong with an object, as a server would find it: structure first, then CEL.
fn problems(object: &Value, old: Option<&Value>) -> Vec<String> {
    let schema = schema(object["kind"].as_str().expect("kind"));
    let found = crate::structure::problems(&schema, object);
    if !found.is_empty() {
        return found.into_iter().map(|(path, problem)| format!("{path}: {problem}")).collect();
    }
    match kube::core::cel::Validator::new().validate(&schema, object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.as_slice().iter().map(ToString::to_string).collect(),
    }
}

fn digest(fill: char) -> String {
    format!("sha256:{}", fill.to_string().repeat(64))
}

/// The least that each kind needs.
fn minimal(kind: &str) -> Value {
    let adapter = json!({ "uri": "file:///store/adapters/a", "digest": digest('a') });
    let storage = json!({ "uri": "file:///store" });
    let suites = json!([{ "name": "sealed", "uri": "store://suites/sealed" }]);
    let spec = match kind {
        "GenesisModel" => json!({
            "baseModel": { "uri": "builtin://seedling" },
            "servedModelName": "coder",
            "storage": storage,
            "evaluationTemplate": { "suites": suites },
        }),
        "TrainingRun" => json!({
            "modelRef": { "name": "coder" },
            "baseModel": { "uri": "builtin://seedling" },
            "storage": storage,
        }),
        "Evaluation" => json!({
            "modelRef": { "name": "coder" }, "storage": storage, "candidate": adapter, "suites": suites,
        }),
        "Rollout" => json!({ "modelRef": { "name": "coder" }, "candidate": adapter }),
        other => panic!("no such kind: {other}"),
    };
    json!({
        "apiVersion": "genesis.truth.si/v1alpha1",
        "kind": kind,
        "metadata": { "name": "coder" },
        "spec": spec,
    })
}
