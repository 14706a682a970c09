//! Objects in the states of a turn, as a cluster would hand them out.

use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::family::Objects;

/// Two days after the model was created.
pub(crate) fn now() -> Timestamp {
    "2026-01-03T00:00:00Z".parse().unwrap()
}

pub(crate) fn digest(fill: char) -> String {
    format!("sha256:{}", fill.to_string().repeat(64))
}

pub(crate) fn adapter(fill: char) -> Value {
    json!({ "uri": format!("file:///store/adapters/{fill}"), "digest": digest(fill) })
}

/// An adapter as a model's status names it.
pub(crate) fn served(fill: char, revision: i64, score: &str) -> Value {
    json!({
        "name": format!("coder-{}", fill.to_string().repeat(12)), "uri": format!("file:///store/adapters/{fill}"),
        "digest": digest(fill), "revision": revision, "promotedTime": "2026-01-02T12:00:00Z", "score": score,
    })
}

pub(crate) fn condition(kind: &str, holds: bool, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": if holds { "True" } else { "False" }, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-02T00:00:00Z",
    })
}

/// The fields of `over` replace those of `base`, at every depth; lists as wholes.
pub(crate) fn merged(mut base: Value, over: Value) -> Value {
    match (&mut base, over) {
        (Value::Object(fields), Value::Object(over)) => {
            for (name, value) in over {
                let before = fields.remove(&name).unwrap_or(Value::Null);
                fields.insert(name, merged(before, value));
            }
            base
        }
        (_, over) => over,
    }
}

pub(crate) fn typed<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn object(kind: &str, revision: i64, spec: &Value) -> Value {
    json!({
        "apiVersion": "genesis.truth.si/v1alpha1", "kind": kind, "spec": spec,
        "metadata": {
            "name": format!("coder-r{revision}"), "namespace": "team", "creationTimestamp": "2026-01-02T22:00:00Z",
            "labels": { "genesis.truth.si/model": "coder", "genesis.truth.si/revision": revision.to_string() },
        },
    })
}

/// A model that serves, with a loop that is `active` for this reason.
pub(crate) fn model(active: bool, reason: &str, message: &str, over: Value) -> GenesisModel {
    let conditions = json!([
        condition("Ready", true, "Serving", "2 of 2 replicas are ready, 2 with the current adapter"),
        condition("AdapterLoaded", true, "AllReplicas", "proved on all ready replicas"),
        condition("LoopActive", active, reason, message),
    ]);
    let learning =
        json!({ "total": 540, "new": 40, "verifiedRows": 300, "qualityAverage": "0.93", "qualitySamples": 250 });
    let base = json!({
        "apiVersion": "genesis.truth.si/v1alpha1", "kind": "GenesisModel",
        "metadata": {
            "name": "coder", "namespace": "team", "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "baseModel": { "uri": "builtin://seedling" }, "servedModelName": "coder",
            "storage": { "uri": "file:///store" }, "serving": { "replicas": 2 },
            "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
        },
        "status": {
            "observedGeneration": 3, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2, "revision": 2,
            "currentAdapter": served('b', 2, "0.655"), "previousAdapter": served('a', 1, "0.612"),
            "conditions": conditions, "learning": learning, "lastTrainingTime": "2026-01-02T12:00:00Z",
            "history": [past(2, "Promoted", 'b', "all 3 steps are done"), past(1, "Promoted", 'a', "all 3 steps are done")],
        },
    });
    typed(merged(base, over))
}

/// An ended turn.
pub(crate) fn past(revision: i64, outcome: &str, fill: char, message: &str) -> Value {
    json!({
        "revision": revision, "outcome": outcome, "time": "2026-01-02T12:00:00Z", "adapter": adapter(fill),
        "message": message,
    })
}

pub(crate) fn run(revision: i64, over: Value) -> TrainingRun {
    let spec = json!({
        "modelRef": { "name": "coder" }, "baseModel": { "uri": "builtin://seedling" }, "storage": { "uri": "file:///store" },
    });
    let dataset = json!({
        "uri": "file:///store/d.jsonl", "digest": digest('d'), "rows": 300, "tasks": 90, "watermark": 500,
    });
    let done = json!({ "status": {
        "phase": "Complete", "message": "adapter cccccccccccc on 300 rows: loss 0.84 to 0.61", "attempts": 1,
        "jobName": format!("coder-r{revision}-train"), "dataset": dataset,
        "adapter": { "uri": "file:///store/adapters/c", "digest": digest('c'), "rank": 8, "sizeBytes": 4096 },
    } });
    typed(merged(merged(object("TrainingRun", revision, &spec), done), over))
}

pub(crate) fn evaluation(revision: i64, over: Value) -> Evaluation {
    let spec = json!({
        "modelRef": { "name": "coder" }, "storage": { "uri": "file:///store" }, "baseline": adapter('b'),
        "candidate": adapter('c'), "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }],
    });
    let passed = json!({ "status": {
        "phase": "Complete", "verdict": "Pass", "verdictReason": "ImprovementMet", "message": "sealed: pass@1 0.655 → 0.701",
        "results": [result("0.655", "0.701", ["0.046", "0.021", "0.071"], 120)], "attempts": 1,
        "runSummary": { "executions": 1920, "coreTasks": 30, "coreBroken": 0, "seed": 11 },
    } });
    typed(merged(merged(object("Evaluation", revision, &spec), passed), over))
}

/// The numbers of the deciding suite: delta with its lower and upper bound.
pub(crate) fn result(baseline: &str, candidate: &str, [delta, lower, upper]: [&str; 3], tasks: i64) -> Value {
    json!({
        "suite": "sealed", "baseline": baseline, "candidate": candidate, "delta": delta, "lower": lower, "upper": upper,
        "baselinePassAt8": "0.80", "candidatePassAt8": "0.84", "tasks": tasks, "families": 12, "samples": 8, "infra": 1,
    })
}

pub(crate) fn rollout(revision: i64, over: Value) -> Rollout {
    let spec = json!({
        "modelRef": { "name": "coder" }, "candidate": adapter('c'), "stable": adapter('b'),
        "evaluationRef": { "name": format!("coder-r{revision}") },
    });
    let canary = json!({ "status": {
        "phase": "Progressing", "message": "step needs 20 verified requests, 7 so far", "step": "1/3",
        "weights": { "canary": 10, "stable": 90, "verified": true }, "servedDigest": digest('c'),
        "startTime": "2026-01-02T23:58:00Z", "stepStartTime": "2026-01-02T23:59:00Z",
        "lastProgressTime": "2026-01-02T23:58:00Z",
        "replicas": [{ "pod": "coder-serving-a", "digest": digest('c'), "proved": true }],
        "conditions": [condition("Progressing", true, "CanaryStepRunning", ""), condition("Paused", false, "NotPaused", "")],
    } });
    typed(merged(merged(object("Rollout", revision, &spec), canary), over))
}

/// A pod of the model; of a Job, where one is named.
pub(crate) fn pod(name: &str, role: &str, job: Option<&str>, ready: bool) -> Pod {
    let mut labels = json!({ "genesis.truth.si/model": "coder", "genesis.truth.si/role": role });
    if let Some(job) = job {
        labels["batch.kubernetes.io/job-name"] = json!(job);
    }
    typed(json!({
        "metadata": {
            "name": name, "namespace": "team", "labels": labels, "creationTimestamp": "2026-01-02T23:00:00Z",
        },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
    }))
}

pub(crate) fn job(name: &str) -> Job {
    typed(json!({
        "metadata": { "name": name, "namespace": "team", "creationTimestamp": "2026-01-02T23:30:00Z" }, "status": {},
    }))
}

/// What a cluster holds besides: the pods of the model.
pub(crate) fn cluster(model: GenesisModel) -> Objects {
    let pods = vec![
        pod("coder-serving-a", "serving", None, true),
        pod("coder-serving-b", "serving", None, true),
        pod("coder-sandbox-a", "sandbox", None, true),
    ];
    Objects { models: vec![model], pods, ..Objects::default() }
}
