use std::collections::BTreeSet;

use genesis_api::names::VERSION;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use serde_json::Value;

use crate::report::Check;

const REMEDY: &str = "run `genesis crds | kubectl apply --server-side -f -` with the program of this version";

/// Whether each of the four definitions is there, and is the one that this program knows.
pub fn definitions(installed: &[CustomResourceDefinition]) -> Vec<Check> {
    genesis_api::crds().iter().map(|ours| definition(ours, installed)).collect()
}

fn definition(ours: &CustomResourceDefinition, installed: &[CustomResourceDefinition]) -> Check {
    let name = format!("CRD {}", ours.spec.names.kind);
    let Some(theirs) = installed.iter().find(|found| found.name_any() == ours.name_any()) else {
        return Check::bad(&name, "is not installed", REMEDY);
    };
    let conditions = theirs.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    if !conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True") {
        return Check::bad(&name, "is not established", format!("run `kubectl describe crd {}`", ours.name_any()));
    }
    let (known, found) = (fields(ours), fields(theirs));
    let Some(found) = found else {
        return Check::bad(&name, format!("does not serve {VERSION}"), REMEDY);
    };
    let known = known.unwrap_or_default();
    let missing: Vec<&String> = known.difference(&found).collect();
    let surplus: Vec<&String> = found.difference(&known).collect();
    match (missing.first(), surplus.first()) {
        (None, None) => Check::good(&name, format!("{VERSION}, as this program knows it")),
        (Some(first), _) => Check::bad(&name, format!("is older than this program: it lacks {first}"), REMEDY),
        (None, Some(first)) => Check::warns(
            &name,
            format!("is newer than this program: it has {first}"),
            "install the plugin of the version that is installed in the cluster",
        ),
    }
}

/// Every field and every rule of the version that is served. A server may add words of its own to a schema, so the
/// schemas themselves are not compared.
fn fields(crd: &CustomResourceDefinition) -> Option<BTreeSet<String>> {
    let version = crd.spec.versions.iter().find(|version| version.name == VERSION && version.served)?;
    let schema = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
    let mut found = BTreeSet::new();
    walk(&serde_json::to_value(schema).ok()?, "", &mut found);
    Some(found)
}

fn walk(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        found.insert(format!("the rule {} of {path}", rule["rule"]));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let below = format!("{path}.{name}");
        found.insert(below.clone());
        walk(property, &below, found);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), found);
    }
}
