use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::routing::testing::adapter;

pub fn model(current: Option<&AdapterRef>) -> GenesisModel {
    let mut object = json!({
        "apiVersion": "genesis.truth.si/v1alpha1", "kind": "GenesisModel",
        "metadata": { "name": "seedling", "namespace": "default" },
        "spec": {
            "baseModel": { "uri": "builtin://seedling" }, "servedModelName": "seedling",
            "storage": { "uri": "file:///store" },
            "evaluationTemplate": { "suites": [] }
        },
        "status": { "conditions": [{
            "type": "LoopActive", "status": "True", "reason": "Training", "message": "step 3",
            "lastTransitionTime": "2026-01-01T00:00:00Z"
        }], "watermark": 7 }
    });
    if let Some(adapter) = current {
        object["status"]["currentAdapter"] =
            json!({ "name": adapter.served_name("seedling"), "uri": adapter.uri, "digest": adapter.digest });
    }
    serde_json::from_value(object).unwrap()
}

pub fn rollout(candidate: &AdapterRef, weight: u8, patch: Value) -> Arc<Rollout> {
    let mut object = json!({
        "apiVersion": "genesis.truth.si/v1alpha1", "kind": "Rollout",
        "metadata": { "name": "r", "namespace": "default", "uid": "u1" },
        "spec": { "modelRef": { "name": "seedling" }, "candidate": { "uri": candidate.uri, "digest": candidate.digest } },
        "status": {
            "weights": { "canary": weight, "stable": 100 - weight, "verified": false },
            "servedDigest": candidate.digest
        }
    });
    for (path, value) in patch.as_object().unwrap() {
        *object.pointer_mut(path).unwrap() = value.clone();
    }
    Arc::new(serde_json::from_value(object).unwrap())
}

pub fn pod(name: &str, role: &str, patch: Value) -> Arc<Pod> {
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": "default", "deletionTimestamp": null,
            "labels": { MODEL_LABEL: "seedling", ROLE_LABEL: role }
        },
        "status": { "podIP": "127.1.0.5", "conditions": [{ "type": "Ready", "status": "True" }] }
    });
    for (path, value) in patch.as_object().unwrap() {
        *object.pointer_mut(path).unwrap() = value.clone();
    }
    Arc::new(serde_json::from_value(object).unwrap())
}

fn only(table: &RouteTable) -> ModelRoute {
    (**table.routes().next().unwrap()).clone()
}

fn no_pods() -> [Arc<Pod>; 0] {
    []
}

#[test]
fn without_an_adapter_the_base_answers() {
    let rollouts: [Arc<Rollout>; 0] = [];
    let route = only(&build([&model(None)], &rollouts, &no_pods()));
    assert_eq!((route.stable.name.as_str(), &route.stable.adapter), ("seedling", &None));
    assert_eq!((route.loop_state.reason.as_str(), route.loop_state.watermark), ("Training", 7));
    assert_eq!((route.storage.as_str(), route.max_per_task), ("file:///store", 4));
}

#[test]
fn the_current_adapter_is_stable_and_an_active_rollout_the_canary() {
    let (champion, candidate) = (adapter("champion"), adapter("candidate"));
    let route = only(&build([&model(Some(&champion))], &[rollout(&candidate, 10, json!({}))], &no_pods()));
    let applied = route.applied();
    assert_eq!(applied.stable, champion.served_name("seedling"));
    assert_eq!((applied.canary, applied.canary_weight), (Some(candidate.served_name("seedling")), 10));
    assert_eq!(route.canary.unwrap().salt, "u1");
}

#[test]
fn an_unproved_or_finished_or_foreign_candidate_is_never_served() {
    let candidate = adapter("candidate");
    let other = adapter("other").digest;
    for patch in [
        json!({ "/status/servedDigest": null }),
        json!({ "/status/servedDigest": other }),
        json!({ "/status/weights/canary": 0 }),
        json!({ "/spec/modelRef/name": "another" }),
        json!({ "/metadata/namespace": "elsewhere" }),
    ] {
        let route = only(&build([&model(None)], &[rollout(&candidate, 100, patch.clone())], &no_pods()));
        assert_eq!(route.canary, None, "{patch}");
    }
    let mut finished = (*rollout(&candidate, 100, json!({}))).clone();
    finished.status.as_mut().unwrap().completion_status = Some(genesis_api::rollout::CompletionStatus::Promoted);
    assert_eq!(only(&build([&model(None)], &[Arc::new(finished)], &no_pods())).canary, None);
}

#[test]
fn only_ready_pods_of_the_model_take_work() {
    let rollouts: [Arc<Rollout>; 0] = [];
    let pods = [
        pod("ready", "serving", json!({})),
        pod("sandbox", "sandbox", json!({})),
        pod("starting", "serving", json!({ "/status/conditions/0/status": "False" })),
        pod("leaving", "serving", json!({ "/metadata/deletionTimestamp": "2026-01-01T00:00:00Z" })),
        pod("elsewhere", "serving", json!({ "/metadata/namespace": "elsewhere" })),
        pod("unnamed", "serving", json!({ "/status/podIP": null })),
    ];
    let route = only(&build([&model(None)], &rollouts, &pods));
    let names = |replicas: &[Replica]| replicas.iter().map(|r| r.pod.clone()).collect::<Vec<_>>();
    assert_eq!(names(&route.serving), ["ready"]);
    assert_eq!(names(&route.sandboxes), ["sandbox"]);
}
