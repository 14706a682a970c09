use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use super::*;
use crate::sign::Sign;
use crate::testing::{condition, merged, model, run, typed};

/// The definitions as a server holds them.
fn installed(change: impl Fn(&mut Value)) -> Vec<CustomResourceDefinition> {
    let established = json!({
        "status": { "conditions": [condition("Established", true, "x", "")], "acceptedNames": { "kind": "x", "plural": "x" } }
    });
    genesis_api::crds()
        .iter()
        .map(|crd| {
            let mut value = merged(serde_json::to_value(crd).unwrap(), established.clone());
            change(&mut value);
            typed(value)
        })
        .collect()
}

fn signs(checks: &[crate::report::Check]) -> Vec<Sign> {
    checks.iter().filter_map(|check| check.sign).collect()
}

const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";

#[test]
fn definitions_of_another_version_are_told_apart() {
    assert_eq!(signs(&definitions(&installed(|_| ()))), [Sign::Good; 4]);
    assert_eq!(signs(&definitions(&[])), [Sign::Bad; 4]);
    let older = installed(|crd| {
        crd.pointer_mut(SPEC).unwrap().as_object_mut().unwrap().remove("modelRef");
    });
    let found = definitions(&older);
    assert_eq!(signs(&found), [Sign::Good, Sign::Bad, Sign::Bad, Sign::Bad]);
    assert!(found[1].numbers.contains("older than this program: it lacks .spec.modelRef"), "{}", found[1].numbers);
    let newer = installed(|crd| crd.pointer_mut(SPEC).unwrap()["surprise"] = json!({ "type": "string" }));
    assert_eq!(signs(&definitions(&newer)), [Sign::Warning; 4]);
}

#[test]
fn a_workload_is_found_by_its_labels() {
    let deployment = |labels: Value, ready: i32| -> Deployment {
        typed(json!({
            "metadata": { "name": "x", "namespace": "genesis-system", "labels": labels }, "status": { "readyReplicas": ready },
        }))
    };
    let local = deployment(json!({ "app.kubernetes.io/name": "genesis-operator" }), 1);
    let chart = deployment(json!({ "app.kubernetes.io/name": "genesis", "app.kubernetes.io/component": "gateway" }), 0);
    assert_eq!(workload("operator", &[local, chart.clone()]).sign, Some(Sign::Good));
    assert_eq!(workload("gateway", std::slice::from_ref(&chart)).sign, Some(Sign::Bad));
    assert_eq!(workload("operator", &[chart]).sign, Some(Sign::Warning));
}

#[test]
fn what_is_forbidden_is_named_with_its_use() {
    let answers: Vec<_> = questions()
        .into_iter()
        .map(|question| (question, if question.verb == "patch" { Access::Denied } else { Access::Allowed }))
        .collect();
    let checks = permissions(&answers, "team");
    assert_eq!(signs(&checks), [Sign::Warning; 4]);
    assert!(checks[0].numbers.contains("patch is forbidden in team; needed for promote"), "{}", checks[0].numbers);
    let allowed: Vec<_> = questions().into_iter().map(|question| (question, Access::Allowed)).collect();
    assert_eq!(signs(&permissions(&allowed, "team")), [Sign::Good; 4]);
}

#[test]
fn models_and_volumes_tell_of_what_is_down() {
    let states = [
        model(false, "Idle", "", json!({})),
        model(false, "GatewayUnreachable", "refused", json!({})),
        model(false, "Idle", "", json!({ "status": null })),
        model(false, "Idle", "", json!({ "metadata": { "generation": 9 } })),
    ];
    assert_eq!(signs(&working(&states)), [Sign::Good, Sign::Bad, Sign::Bad, Sign::Warning]);
    let volumes =
        [("a".to_owned(), Some("Bound".to_owned())), ("b".to_owned(), Some("Pending".into())), ("c".into(), None)];
    let unreachable =
        json!({ "status": { "conditions": [condition("Stalled", true, "StorageUnreachable", "no such file")] } });
    let found = claims(&volumes, &[run(1, unreachable)]);
    assert_eq!(signs(&found), [Sign::Good, Sign::Bad, Sign::Bad, Sign::Bad]);
    assert_eq!(signs(&claims(&[], &[])), [Sign::Good]);
}
