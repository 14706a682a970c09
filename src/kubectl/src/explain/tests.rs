use serde_json::{Value, json};

use super::{evaluation, model, rollout, training_run};
use crate::report::Report;
use crate::testing::{self, adapter, condition, merged, now, result, run};

fn decides(report: &Report) -> (&str, &str) {
    let check = report.first_violated().unwrap();
    (&check.name, check.remedy.as_deref().unwrap_or_default())
}

#[test]
fn a_verdict_is_told_with_its_chain() {
    insta::assert_snapshot!(evaluation(&testing::evaluation(3, json!({}))).text(false));
    let failed = json!({ "status": {
        "verdict": "Fail", "verdictReason": "RegressionDetected", "regressions": ["pass@8 of sealed fell by 4.0 points"],
        "runSummary": { "executions": 1920, "coreTasks": 30, "coreBroken": 1, "seed": 11 },
    } });
    insta::assert_snapshot!(evaluation(&testing::evaluation(3, failed)).text(false));
}

#[test]
fn the_first_violated_check_of_an_evaluation_decides() {
    let of = |over: Value| evaluation(&testing::evaluation(3, json!({ "status": over })));
    let with =
        |numbers, tasks| json!({ "verdict": "Inconclusive", "results": [result("0.655", "0.66", numbers, tasks)] });
    assert_eq!(decides(&of(with(["0.046", "0.021", "0.071"], 40))).0, "evidence");
    assert_eq!(decides(&of(with(["0.005", "0.001", "0.009"], 120))).0, "gain");
    assert!(decides(&of(with(["0.02", "-0.01", "0.05"], 120))).1.contains("narrow it"));
    let error = json!({ "phase": "Failed", "verdict": null, "results": [], "message": "3 attempts failed" });
    assert_eq!(decides(&of(error)).0, "verdict in time");
}

#[test]
fn a_training_that_failed_names_its_remedy() {
    let failed = json!({ "status": {
        "phase": "Failed", "message": "OutOfMemory: killed", "adapter": null, "attempts": 4, "attemptsCountTowardsLimit": 4,
        "conditions": [condition("Failed", true, "OutOfMemory", "killed")],
        "lastFailure": { "reason": "OOMKilled", "message": "exit code 137", "retriable": true },
    } });
    insta::assert_snapshot!(training_run(&run(3, failed)).text(false));
    assert!(training_run(&run(3, json!({}))).first_violated().is_none());
    let stalled = json!({ "status": {
        "phase": "Pending", "dataset": null, "adapter": null,
        "conditions": [condition("Stalled", true, "NoGateway", "no gateway")],
    } });
    assert_eq!(decides(&training_run(&run(3, stalled))).0, "dataset");
}

#[test]
fn a_canary_tells_what_its_step_waits_for() {
    let passed = testing::evaluation(3, json!({}));
    let of = |over: Value| rollout(&testing::rollout(3, over), Some(&passed), now());
    insta::assert_snapshot!(of(json!({})).text(false));
    let harm = json!({ "status": {
        "phase": "Ended", "completionStatus": "RolledBack", "endingReason": "Harm", "message": "lower by 6.2 points",
    } });
    insta::assert_snapshot!(of(harm).text(false));
}

#[test]
fn the_first_violated_check_of_a_rollout_decides() {
    let of = |over: Value| rollout(&testing::rollout(3, over), None, now());
    let progressing = |reason: &str| json!([condition("Progressing", true, reason, "m")]);
    let not_begun = json!({ "startTime": null, "servedDigest": null });
    for (status, name) in [
        (json!({ "completionStatus": "Aborted", "endingReason": "RequestedAbort" }), "not ended"),
        (json!({ "completionStatus": "Aborted", "endingReason": "EvaluationNotPassed" }), "evaluation"),
        (json!({ "completionStatus": "RolledBack", "endingReason": "ProofFailed" }), "proof"),
        (json!({ "conditions": progressing("WaitingForPrevious") }), "turn"),
        (merged(not_begun, json!({ "conditions": progressing("WaitingForEvaluation") })), "evaluation"),
        (json!({ "servedDigest": null }), "proof"),
        (json!({ "conditions": [condition("Paused", true, "ManualPause", "m")] }), "not held"),
        (json!({ "conditions": progressing("WaitingForRoutes") }), "gateway"),
        (json!({ "conditions": [condition("Stalled", true, "ModelNotFound", "m")] }), "gateway"),
    ] {
        let report = of(json!({ "status": status }));
        assert_eq!(decides(&report).0, name, "{status}");
    }
}

#[test]
fn a_loop_at_rest_tells_what_it_lacks() {
    let of = |reason: &str, over: Value| model(&testing::model(false, reason, "m", over), now());
    insta::assert_snapshot!(of("Idle", json!({})).text(false));
    for (reason, over, name) in [
        ("Suspended", json!({ "spec": { "suspend": true } }), "not suspended"),
        ("Pinned", json!({ "spec": { "pinnedAdapter": adapter('a') } }), "not pinned"),
        ("Training", json!({}), "no turn under way"),
        ("AwaitingApproval", json!({}), "no turn under way"),
        ("NoGateway", json!({}), "gateway"),
        ("RejectionLimit", json!({ "status": { "consecutiveRejections": 5 } }), "rejections"),
        ("Idle", json!({}), "a trigger"),
        (
            "CoolingDown",
            json!({ "status": { "learning": { "new": 200 }, "lastTrainingTime": "2026-01-02T23:59:00Z" } }),
            "cooldown",
        ),
        ("TooFewVerifiedRows", json!({ "status": { "learning": { "new": 200, "verifiedRows": 3 } } }), "verified rows"),
    ] {
        assert_eq!(decides(&of(reason, over)).0, name, "{reason}");
    }
}
