use serde_json::json;

use super::*;
use crate::family::Objects;
use crate::nodes::of_family;
use crate::testing::*;

fn style(wide: bool) -> Style {
    Style { now: now(), coloured: false, wide }
}

/// Both views of the same objects.
fn drawn(objects: &Objects) -> String {
    let roots: Vec<_> = objects.families().iter().map(|family| of_family(objects, family)).collect();
    let lines = list(&objects.models, &objects.rollouts, false, style(true));
    format!("{}\n{lines}", tree(&roots, style(false)))
}

fn candidate(message: &str, reason: &str, active: serde_json::Value) -> Objects {
    let status = merged(json!({ "revision": 3, "candidateAdapter": served('c', 3, "0.701") }), active);
    cluster(model(true, reason, message, json!({ "status": status })))
}

#[test]
fn idle() {
    let numbers = "40 of 100 new learnings, 300 verified rows, quality 0.93 over 250";
    insta::assert_snapshot!(drawn(&cluster(model(false, "Idle", numbers, json!({})))));
}

#[test]
fn training() {
    let status = json!({ "status": { "revision": 3, "activeTrainingRun": "coder-r3" } });
    let mut objects = cluster(model(true, "Training", "TrainingRun coder-r3", status));
    let told = json!({
        "progressPercentage": 33, "currentStep": 40, "totalSteps": 120, "metrics": [{ "name": "loss", "value": "0.71" }],
    });
    let at_work = json!({ "status": { "phase": "Running", "adapter": null, "trainerStatus": told } });
    objects.runs.push(run(3, at_work));
    objects.jobs.push(job("coder-r3-train"));
    objects.pods.push(pod("coder-r3-train-x", "trainer", Some("coder-r3-train"), true));
    insta::assert_snapshot!(drawn(&objects));
}

#[test]
fn evaluating() {
    let mut objects = candidate("Evaluation coder-r3", "Evaluating", json!({ "activeEvaluation": "coder-r3" }));
    objects.runs.push(run(3, json!({})));
    let at_work = json!({ "status": {
        "phase": "Running", "verdict": null, "message": "640 of 1920 answers", "jobName": "coder-r3-evaluate-1",
    } });
    objects.evaluations.push(evaluation(3, at_work));
    objects.jobs.push(job("coder-r3-evaluate-1"));
    insta::assert_snapshot!(drawn(&objects));
}

fn turn(rollout_over: serde_json::Value, objects: Objects) -> Objects {
    let (runs, evaluations) = (vec![run(3, json!({}))], vec![evaluation(3, json!({}))]);
    Objects { runs, evaluations, rollouts: vec![rollout(3, rollout_over)], ..objects }
}

#[test]
fn canary_at_10_percent() {
    let objects = candidate("Rollout coder-r3", "RollingOut", json!({ "activeRollout": "coder-r3" }));
    insta::assert_snapshot!(drawn(&turn(json!({}), objects)));
}

#[test]
fn promoted() {
    let status = json!({ "status": {
        "revision": 3, "currentAdapter": served('c', 3, "0.701"), "previousAdapter": served('b', 2, "0.655"),
        "history": [past(3, "Promoted", 'c', "all 3 steps are done"), past(2, "Promoted", 'b', "all 3 steps are done")],
    } });
    let over = json!({ "status": { "phase": "Promoted", "completionStatus": "Promoted", "message": "it is current" } });
    let objects = cluster(model(false, "CoolingDown", "a turn has just ended", status));
    insta::assert_snapshot!(drawn(&turn(over, objects)));
}

#[test]
fn rejected_candidate() {
    let why = "sealed: pass@1 0.655 → 0.651, -0.4 points [-2.1, +0.9] at 95 %";
    let status = json!({ "status": {
        "revision": 3, "consecutiveRejections": 1,
        "history": [past(3, "Rejected", 'c', why), past(2, "Promoted", 'b', "all 3 steps are done")],
    } });
    let mut objects = cluster(model(false, "Idle", "0 of 100 new learnings", status));
    objects.runs.push(run(3, json!({})));
    objects.evaluations.push(evaluation(
        3,
        json!({ "status": {
        "verdict": "Fail", "verdictReason": "BelowThreshold", "message": why,
        "results": [result("0.655", "0.651", ["-0.004", "-0.021", "0.009"], 120)],
    } }),
    ));
    insta::assert_snapshot!(drawn(&objects));
}

#[test]
fn rolled_back() {
    let why = "quality of the candidate is lower by 6.2 points [2.4, 10.0]";
    let status = json!({ "status": {
        "revision": 3, "history": [past(3, "RolledBack", 'c', why), past(2, "Promoted", 'b', "all 3 steps are done")],
    } });
    let over = json!({ "status": {
        "phase": "Ended", "completionStatus": "RolledBack", "endingReason": "Harm", "message": why,
        "weights": { "canary": 0, "stable": 100, "verified": true },
    } });
    let objects = cluster(model(false, "CoolingDown", "a turn has just ended", status));
    insta::assert_snapshot!(drawn(&turn(over, objects)));
}

#[test]
fn suspended() {
    let spec = json!({ "spec": { "suspend": true } });
    insta::assert_snapshot!(drawn(&cluster(model(false, "Suspended", "spec.suspend holds the loop", spec))));
}

#[test]
fn pinned() {
    let over = json!({
        "spec": { "pinnedAdapter": adapter('a') },
        "status": { "currentAdapter": served('a', 0, "0.612"), "previousAdapter": served('b', 2, "0.655") },
    });
    insta::assert_snapshot!(drawn(&cluster(model(false, "Pinned", "spec.pinnedAdapter holds the loop", over))));
}

#[test]
fn degraded() {
    let over = json!({ "status": { "readyReplicas": 0, "updatedReplicas": 0, "conditions": [
        condition("Ready", false, "ReplicasUnavailable", "0 of 2 replicas are ready, 0 with the current adapter"),
        condition("AdapterLoaded", false, "PartiallyLoaded", "no replica is ready"),
        condition("LoopActive", false, "Idle", "40 of 100 new learnings"),
    ] } });
    let mut objects = cluster(model(false, "Idle", "", over));
    objects.pods = vec![pod("coder-serving-a", "serving", None, false)];
    insta::assert_snapshot!(drawn(&objects));
}

#[test]
fn what_was_made_alone_stands_beside_the_turns_and_an_absent_model_is_told() {
    let mut objects = Objects::default();
    let mut alone = run(1, json!({ "metadata": { "name": "by-hand" } }));
    alone.metadata.labels = None;
    objects.runs.push(alone);
    insta::assert_snapshot!(drawn(&objects));
}

#[test]
fn ages_are_short() {
    let since = |seconds: i64| age(Timestamp::from_second(now().as_second() - seconds).ok(), now());
    assert_eq!([5, 150, 7_300, 200_000].map(since), ["5s", "2m", "2h", "2d"]);
    assert_eq!((age(None, now()), since(-9)), ("-".to_owned(), "0s".to_owned()));
}

#[test]
fn a_long_sentence_is_cut_unless_there_is_room() {
    let long = "word ".repeat(40);
    assert_eq!(fitted(&long, false).chars().count(), 100);
    assert_eq!(fitted(&long, true).chars().count(), 199);
}
