use genesis_api::names::{APPROVED_ANNOTATION, HELD_ANNOTATION, IMPROVE_ANNOTATION};
use serde_json::{Value, json};

use super::*;
use crate::testing::*;

fn idle(over: Value) -> genesis_api::GenesisModel {
    model(false, "Idle", "", over)
}

fn patch(change: Change) -> Value {
    match change {
        Change::Patch(patch, _) => patch,
        other => panic!("no patch: {other:?}"),
    }
}

fn nothing(change: &Change) -> bool {
    matches!(change, Change::Nothing(_))
}

fn refusal(change: Result<Change>) -> String {
    change.unwrap_err().to_string()
}

fn ended(end: &str, reason: &str) -> Value {
    json!({ "status": { "completionStatus": end, "phase": "Ended", "endingReason": reason, "message": "why" } })
}

#[test]
fn a_rollout_is_aborted_once_and_not_when_it_is_too_late() {
    let wanted = json!({ "spec": { "desiredOutcome": "Abort" } });
    assert_eq!(patch(abort(&rollout(3, json!({}))).unwrap()), wanted);
    assert!(nothing(&abort(&rollout(3, wanted)).unwrap()));
    assert!(nothing(&abort(&rollout(3, ended("RolledBack", "Harm"))).unwrap()));
    let late = rollout(3, json!({ "status": { "endingAs": "Promoted" } }));
    assert!(refusal(abort(&late)).contains("rollback coder"));
}

#[test]
fn promotion_goes_on_or_skips_and_is_refused_where_it_would_do_nothing() {
    let canary = rollout(3, json!({}));
    assert_eq!(patch(promote(&canary, None, true).unwrap()), json!({ "spec": { "desiredOutcome": "Promote" } }));
    assert!(nothing(&promote(&canary, None, false).unwrap()));
    let paused = rollout(3, json!({ "spec": { "paused": true } }));
    assert_eq!(patch(promote(&paused, None, false).unwrap()), json!({ "spec": { "paused": false } }));
    let held = json!({ "spec": { "paused": true }, "metadata": { "annotations": { HELD_ANNOTATION: "true" } } });
    assert!(refusal(promote(&rollout(3, held), None, false)).contains("resume model/coder"));
    let failed = json!({ "status": { "conditions": [condition("Paused", true, "AnalysisFailed", "Harm")] } });
    assert!(refusal(promote(&rollout(3, failed), None, false)).contains("promote --full"));
    let aborted = rollout(3, json!({ "spec": { "desiredOutcome": "Abort" } }));
    assert!(refusal(promote(&aborted, None, true)).contains("retry rollout/coder-r3"));
    let pinned = idle(json!({ "spec": { "pinnedAdapter": adapter('a') } }));
    assert!(refusal(promote(&canary, Some(&pinned), true)).contains("--unpin"));
}

#[test]
fn only_a_candidate_that_passed_is_approved() {
    let wanted = json!({ "metadata": { "annotations": { APPROVED_ANNOTATION: "true" } } });
    assert_eq!(patch(approve(&evaluation(3, json!({}))).unwrap()), wanted);
    assert!(nothing(&approve(&evaluation(3, wanted)).unwrap()));
    assert!(refusal(approve(&evaluation(3, json!({ "status": { "verdict": "Fail" } })))).contains("did not pass"));
    assert!(refusal(approve(&evaluation(3, json!({ "status": { "phase": "Running" } })))).contains("no verdict yet"));
}

#[test]
fn a_hold_of_a_person_is_told_from_that_of_the_model() {
    assert_eq!(patch(hold_model(&idle(json!({})), true)), json!({ "spec": { "suspend": true } }));
    assert!(nothing(&hold_model(&idle(json!({ "spec": { "suspend": true } })), true)));
    let held = json!({ "spec": { "suspend": true }, "metadata": { "annotations": { HELD_ANNOTATION: "true" } } });
    let at_work = merged(json!({ "status": { "phase": "Running" } }), held);
    let unmark = json!({ "metadata": { "annotations": { HELD_ANNOTATION: null } } });
    assert_eq!(patch(hold_work(&run(3, at_work.clone()), true).unwrap()), unmark);
    assert!(refusal(hold_work(&run(3, at_work), false)).contains("resume model/coder"));
    assert!(refusal(hold_work(&run(3, json!({})), true)).contains("has ended"));
    assert_eq!(patch(hold_rollout(&rollout(3, json!({})), true).unwrap()), json!({ "spec": { "paused": true } }));
    assert!(refusal(hold_rollout(&rollout(3, ended("Aborted", "RequestedAbort")), true)).contains("has ended"));
}

#[test]
fn a_rollback_pins_the_champion_before_and_a_second_one_does_not_undo_it() {
    assert_eq!(patch(roll_back(&idle(json!({})), None).unwrap()), json!({ "spec": { "pinnedAdapter": adapter('a') } }));
    assert_eq!(
        patch(roll_back(&idle(json!({})), Some(1)).unwrap()),
        json!({ "spec": { "pinnedAdapter": adapter('a') } })
    );
    let pinned = idle(json!({ "spec": { "pinnedAdapter": adapter('a') } }));
    assert!(nothing(&roll_back(&pinned, None).unwrap()) && nothing(&roll_back(&pinned, Some(1)).unwrap()));
    assert_eq!(patch(unpin(&pinned)), json!({ "spec": { "pinnedAdapter": null } }));
    assert!(nothing(&unpin(&idle(json!({})))));
    assert!(refusal(roll_back(&idle(json!({})), Some(9))).contains("promoted turns: 2, 1"));
    let rejected = idle(json!({ "status": { "history": [past(3, "Rejected", 'c', "")] } }));
    assert!(refusal(roll_back(&rejected, Some(3))).contains("was not promoted"));
    let base = idle(json!({ "status": { "previousAdapter": null } }));
    assert!(refusal(roll_back(&base, None)).contains("the base cannot be pinned"));
}

#[test]
fn another_turn_is_asked_for_by_its_number() {
    let wanted = json!({ "metadata": { "annotations": { IMPROVE_ANNOTATION: "3" } } });
    assert_eq!(patch(improve(&idle(json!({}))).unwrap()), wanted);
    assert!(nothing(&improve(&idle(wanted)).unwrap()));
    assert!(nothing(&improve(&idle(json!({ "status": { "activeTrainingRun": "coder-r3" } }))).unwrap()));
    for (over, way_out) in [
        (json!({ "spec": { "suspend": true } }), "resume coder"),
        (json!({ "spec": { "pinnedAdapter": adapter('a') } }), "--unpin"),
        (json!({ "status": { "activeEvaluation": "coder-r2" } }), "wait for its verdict"),
        (json!({ "status": { "learning": { "verifiedRows": 0 } } }), "send tasks with tests"),
        (json!({ "status": { "learning": null } }), "genesis check"),
    ] {
        assert!(refusal(improve(&idle(over.clone()))).contains(way_out), "{over}");
    }
}

#[test]
fn a_copy_stands_beside_what_failed() {
    let failed = run(3, json!({ "status": { "phase": "Failed" } }));
    let Change::Create(copy, words) = again_run(&failed, std::slice::from_ref(&failed)).unwrap() else { panic!() };
    assert_eq!(copy["metadata"]["name"], "coder-r3-retry-1");
    assert_eq!(copy["metadata"]["labels"], json!({ "genesis.truth.si/model": "coder" }));
    assert!(copy.get("status").is_none() && words.contains("stands alone"), "{copy}");

    let busy = run(3, json!({ "metadata": { "name": "coder-r3-retry-1" }, "status": { "phase": "Running" } }));
    assert!(nothing(&again_run(&failed, &[failed.clone(), busy.clone()]).unwrap()));
    let over = run(3, json!({ "metadata": { "name": "coder-r3-retry-1" }, "status": { "phase": "Failed" } }));
    let Change::Create(copy, _) = again_run(&failed, &[over]).unwrap() else { panic!() };
    assert_eq!(copy["metadata"]["name"], "coder-r3-retry-2");
    assert!(refusal(again_run(&run(3, json!({})), &[])).contains("ended well"));
    assert!(refusal(again_evaluation(&evaluation(3, json!({})), &[])).contains("same seed"));
}

#[test]
fn a_rollout_is_tried_again_unless_its_evaluation_forbids_it() {
    let aborted =
        merged(ended("Aborted", "RequestedAbort"), json!({ "spec": { "desiredOutcome": "Abort", "paused": true } }));
    let Change::Create(copy, _) = again_rollout(&rollout(3, aborted), &[], None).unwrap() else { panic!() };
    assert_eq!((&copy["spec"]["desiredOutcome"], &copy["spec"]["paused"]), (&json!("Auto"), &json!(false)));
    let unpassed = rollout(3, ended("Aborted", "EvaluationNotPassed"));
    assert!(refusal(again_rollout(&unpassed, &[], None)).contains("did not pass"));
    assert!(
        refusal(again_rollout(&rollout(3, ended("Promoted", "StepsCompleted")), &[], None)).contains("was promoted")
    );
}
