use std::collections::BTreeMap;

use genesis_api::Evaluation;
use genesis_api::conditions::{ConditionType, find, is_true};
use genesis_api::genesis_model::{CurrentAdapter, GenesisModelStatus, OnFailure};
use genesis_api::rollout::{DesiredOutcome, RolloutPhase};
use genesis_core::promotion::Verdict;
use genesis_core::wire::{AppliedRoute, ChampionChange};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::model::testing::{adapter, at, model, settings};
use crate::record::Record;
use crate::rollout::testing::arm;
use crate::serving::Replica;

fn rollout() -> Rollout {
    serde_json::from_value(json!({
        "apiVersion": "genesis.truth.si/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": "coder-r2", "namespace": "ns", "uid": "rollout-uid", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": { "modelRef": { "name": "coder" }, "candidate": adapter(2) },
    }))
    .unwrap()
}

fn name() -> String {
    adapter(2).served_name("coder")
}

/// The candidate stands like this on one replica, the gateway gives it this share, and it has answered this well.
fn observed(rollout: Rollout, state: AdapterState, share: u8, requests: u64, quality: f64) -> Observed {
    let arms = vec![arm(name(), requests, quality), arm("coder", 500, 0.7)];
    let route = AppliedRoute {
        namespace: "ns".into(),
        model: "coder".into(),
        stable: "coder".into(),
        canary: (share > 0).then(name),
        canary_weight: share,
    };
    let replica = Replica { pod: "pod".into(), wanted: BTreeMap::from([(name(), state)]), ..Replica::default() };
    Observed {
        rollout,
        model: Some(model()),
        others: Vec::new(),
        evaluation: None,
        replicas: vec![replica],
        traffic: Traffic::Seen { route: Some(route), since_start: arms.clone(), since_step: arms },
        settings: settings(),
    }
}

/// In its step, which the gateway took over at second 0.
fn stepping(index: i32) -> Rollout {
    let mut rollout = rollout();
    let status = rollout.status.get_or_insert_default();
    status.current_step_index = index;
    (status.start_time, status.step_start_time, status.last_progress_time) = (Some(at(0)), Some(at(0)), Some(at(0)));
    rollout
}

fn proved(rollout: Rollout, share: u8, requests: u64, quality: f64) -> Observed {
    observed(rollout, AdapterState::Proved, share, requests, quality)
}

fn end(plan: &RolloutPlan) -> Option<CompletionStatus> {
    plan.status.completion_status
}

fn reason(plan: &RolloutPlan, kind: ConditionType) -> String {
    find(&plan.status.conditions, kind).map(|condition| condition.reason.clone()).unwrap_or_default()
}

#[test]
fn the_candidate_is_proved_before_it_takes_traffic() {
    let missing = decide(&observed(rollout(), AdapterState::Missing, 0, 0, 0.0), at(0));
    assert!(matches!(missing.actions.as_slice(), [RolloutAction::Adapter(AdapterChange::Load { .. })]));
    assert_eq!((missing.status.weights.canary, missing.status.served_digest.clone()), (0, None));
    assert_eq!(reason(&missing, ConditionType::Progressing), "ProvingCandidate");

    let first = decide(&proved(rollout(), 0, 0, 0.0), at(1));
    assert_eq!(first.status.weights, Weights { canary: 10, stable: 90, verified: false });
    assert_eq!(first.status.served_digest, Some(adapter(2).digest));
    assert_eq!(first.status.step_start_time, None, "the step begins when the gateway has taken its weight over");
    let second = decide(&proved(Rollout { status: Some(first.status), ..rollout() }, 10, 0, 0.0), at(2));
    assert_eq!((second.status.weights.verified, second.status.step_start_time), (true, Some(at(2))));
}

#[test]
fn steps_follow_one_another_and_end_with_the_model() {
    let wait = decide(&proved(stepping(0), 10, 5, 0.9), at(61));
    assert!(wait.status.message.contains("20 verified requests, 5 so far"), "{}", wait.status.message);
    let next = decide(&proved(stepping(0), 10, 25, 0.9), at(61));
    assert_eq!(
        (next.status.current_step_index, next.status.weights.canary, next.status.step_start_time),
        (1, 50, None)
    );
    let done = decide(&proved(stepping(2), 100, 25, 0.9), at(61));
    assert_eq!(
        (done.status.ending_as, end(&done)),
        (Some(CompletionStatus::Promoted), None),
        "the model has to take it over first"
    );
    assert!(is_true(&done.status.conditions, ConditionType::Promoted));
    assert_eq!((done.status.phase, done.status.weights.canary), (RolloutPhase::Promoting, 100));

    let mut taken = proved(Rollout { status: Some(done.status), ..rollout() }, 100, 25, 0.9);
    let current = CurrentAdapter {
        name: name(),
        adapter: adapter(2),
        revision: 2,
        promoted_time: None,
        rollout_name: None,
        score: None,
    };
    taken.model = taken.model.map(|mut model| {
        model.status = Some(GenesisModelStatus { current_adapter: Some(current), ..GenesisModelStatus::default() });
        model
    });
    let over = decide(&taken, at(62));
    assert_eq!((end(&over), over.status.phase), (Some(CompletionStatus::Promoted), RolloutPhase::Promoted));
    assert_eq!((over.status.stable_name.as_deref(), over.look_again), (Some("coder"), None));
}

#[test]
fn harm_moves_traffic_back_before_anything_else() {
    let hurt = decide(&proved(stepping(1), 50, 60, 0.05), at(10));
    assert_eq!((hurt.status.weights.canary, end(&hurt)), (0, None));
    assert!(hurt.actions.is_empty(), "the gateway still sends requests to it");
    assert_eq!(
        (hurt.status.ending_as, hurt.status.phase),
        (Some(CompletionStatus::RolledBack), RolloutPhase::RollingBack)
    );
    let moved = decide(&proved(Rollout { status: Some(hurt.status), ..rollout() }, 0, 60, 0.05), at(11));
    let [RolloutAction::Revert(digest), RolloutAction::Record(Record::Promotion(told))] = moved.actions.as_slice()
    else {
        panic!("what was learned is taken back, then the ledger is told: {:?}", moved.actions)
    };
    assert_eq!((digest, told.change), (&adapter(2).digest, ChampionChange::RolledBack));
    assert_eq!(told.previous.as_ref().map(|previous| &previous.digest), Some(digest));
    assert_eq!(end(&moved), Some(CompletionStatus::RolledBack));
}

#[test]
fn a_pod_that_restarts_before_the_model_has_taken_it_over_is_given_the_candidate_again() {
    let done = decide(&proved(stepping(2), 100, 25, 0.9), at(61));
    assert_eq!(done.status.ending_as, Some(CompletionStatus::Promoted));
    let promoting = Rollout { status: Some(done.status), ..rollout() };
    let restarted = decide(&observed(promoting.clone(), AdapterState::Missing, 100, 25, 0.9), at(62));
    assert!(matches!(restarted.actions.as_slice(), [RolloutAction::Adapter(AdapterChange::Load { .. })]));
    assert_eq!((restarted.status.weights.canary, reason(&restarted, ConditionType::Stalled)), (0, String::new()));

    let late = decide(&observed(promoting, AdapterState::Refused("full".into()), 100, 25, 0.9), at(662));
    assert_eq!((late.status.phase, late.status.ending_as), (RolloutPhase::Promoting, Some(CompletionStatus::Promoted)));
    let stalled = find(&late.status.conditions, ConditionType::Stalled).unwrap();
    assert_eq!(stalled.reason, "ProgressDeadlineExceeded");
    assert!(stalled.message.contains("refused: full"), "{}", stalled.message);
}

#[test]
fn on_failure_pause_takes_traffic_off_and_waits_for_a_person() {
    let careful = |mut rollout: Rollout| {
        rollout.spec.on_failure = OnFailure::Pause;
        rollout
    };
    let hurt = decide(&proved(careful(stepping(1)), 50, 60, 0.05), at(10));
    assert_eq!((hurt.status.weights.canary, hurt.status.phase, hurt.status.ending_as), (0, RolloutPhase::Paused, None));
    let waiting = Rollout { status: Some(hurt.status), ..careful(rollout()) };
    let still = decide(&proved(waiting.clone(), 0, 60, 0.05), at(100_000));
    assert_eq!((still.status.weights.canary, end(&still)), (0, None), "it does not go on by itself");
    let mut forced = waiting.clone();
    forced.spec.desired_outcome = DesiredOutcome::Promote;
    assert_eq!(decide(&proved(forced, 0, 60, 0.05), at(11)).status.ending_as, Some(CompletionStatus::Promoted));
    let mut aborted = waiting;
    aborted.spec.desired_outcome = DesiredOutcome::Abort;
    assert_eq!(end(&decide(&proved(aborted, 0, 60, 0.05), at(11))), Some(CompletionStatus::Aborted));
}

#[test]
fn a_pod_that_restarts_takes_the_weight_off_until_it_has_proved_the_candidate_again() {
    let restarted = decide(&observed(stepping(1), AdapterState::Missing, 50, 30, 0.9), at(5));
    assert_eq!((restarted.status.weights.canary, restarted.status.current_step_index), (0, 1));
    let back = decide(&proved(Rollout { status: Some(restarted.status), ..rollout() }, 0, 30, 0.9), at(6));
    assert_eq!(back.status.weights.canary, 50);
}

#[test]
fn another_adapter_under_its_name_ends_it() {
    let wrong = decide(&observed(rollout(), AdapterState::Disproved("differs by 0.2".into()), 0, 0, 0.0), at(0));
    assert_eq!(
        (end(&wrong), wrong.status.ending_reason.as_deref()),
        (Some(CompletionStatus::RolledBack), Some("ProofFailed"))
    );
    assert!(wrong.status.replicas[0].message.contains("differs"));
}

#[test]
fn abort_wins_over_promote_pause_and_steps() {
    let mut rollout = stepping(1);
    (rollout.spec.desired_outcome, rollout.spec.paused) = (DesiredOutcome::Abort, true);
    let plan = decide(&proved(rollout.clone(), 50, 30, 0.9), at(5));
    assert_eq!((plan.status.weights.canary, plan.status.ending_as), (0, Some(CompletionStatus::Aborted)));
    rollout.status = Some(plan.status);
    let over = decide(&proved(rollout, 0, 30, 0.9), at(6));
    assert_eq!((end(&over), over.actions), (Some(CompletionStatus::Aborted), vec![]));
}

#[test]
fn promote_skips_steps_but_not_the_proof() {
    let mut rollout = rollout();
    rollout.spec.desired_outcome = DesiredOutcome::Promote;
    assert_eq!(decide(&observed(rollout.clone(), AdapterState::Missing, 0, 0, 0.0), at(0)).status.weights.canary, 0);
    let plan = decide(&proved(rollout, 0, 0, 0.0), at(0));
    assert_eq!(
        (plan.status.weights.canary, reason(&plan, ConditionType::Promoted)),
        (100, "RequestedPromotion".into())
    );
}

#[test]
fn no_progress_for_too_long_is_a_failure_and_held_time_does_not_count() {
    assert_eq!(decide(&proved(stepping(0), 10, 5, 0.9), at(600)).status.ending_as, None);
    let late = decide(&proved(stepping(0), 10, 5, 0.9), at(601));
    assert_eq!(late.status.ending_reason.as_deref(), Some("ProgressDeadlineExceeded"));
    let ended = decide(&proved(Rollout { status: Some(late.status), ..rollout() }, 0, 5, 0.9), at(602));
    assert_eq!(end(&ended), Some(CompletionStatus::RolledBack));
    assert!(matches!(ended.actions.as_slice(), [RolloutAction::Record(_)]), "being slow hurt nobody");
    let mut held = stepping(0);
    held.spec.paused = true;
    held.status.as_mut().unwrap().pause_start_time = Some(at(10));
    let paused = decide(&proved(held.clone(), 10, 5, 0.9), at(5_000));
    assert_eq!((paused.status.phase, paused.status.weights.canary), (RolloutPhase::Paused, 10));
    held.spec.paused = false;
    held.status = Some(paused.status);
    let resumed = decide(&proved(held, 10, 5, 0.9), at(5_001));
    assert_eq!((resumed.status.ending_as, resumed.status.last_progress_time), (None, Some(at(4_991))));
}

#[test]
fn without_a_pass_it_does_not_go_live() {
    let judged = |phase: &str, verdict: Option<Verdict>, candidate: u64| -> Evaluation {
        let spec = json!({
            "modelRef": { "name": "coder" }, "storage": { "uri": "file:///store" }, "candidate": adapter(candidate),
            "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }],
        });
        let status = json!({ "phase": phase, "verdict": verdict, "conditions": [] });
        serde_json::from_value(json!({
            "apiVersion": "genesis.truth.si/v1alpha1", "kind": "Evaluation", "metadata": { "name": "e" }, "spec": spec, "status": status,
        }))
        .unwrap()
    };
    let with = |evaluation: Option<Evaluation>| {
        let mut rollout = rollout();
        rollout.spec.evaluation_ref = Some(genesis_api::rollout::EvaluationReference { name: "e".into() });
        let plan = decide(&Observed { evaluation, ..proved(rollout, 0, 0, 0.0) }, at(0));
        (plan.status.weights.canary, end(&plan))
    };
    assert_eq!(with(Some(judged("Complete", Some(Verdict::Pass), 2))), (10, None));
    assert_eq!(with(None), (0, None));
    assert_eq!(with(Some(judged("Running", None, 2))), (0, None));
    for (phase, verdict, candidate) in [
        ("Complete", Some(Verdict::Fail), 2),
        ("Complete", Some(Verdict::Inconclusive), 2),
        ("Failed", None, 2),
        ("Complete", Some(Verdict::Pass), 3),
    ] {
        let got = with(Some(judged(phase, verdict, candidate)));
        assert_eq!(got, (0, Some(CompletionStatus::Aborted)), "{phase} {verdict:?} {candidate}");
    }
}

#[test]
fn the_newer_of_two_takes_its_turn_when_the_older_has_ended() {
    let mut newer = rollout();
    (newer.metadata.name, newer.metadata.uid) = (Some("by-hand".into()), Some("other".into()));
    newer.metadata.creation_timestamp = Some(Time(at(60)));
    let older = decide(&Observed { others: vec![newer.clone()], ..proved(stepping(1), 50, 30, 0.9) }, at(61));
    assert_eq!((older.status.ending_as, older.status.weights.canary), (Some(CompletionStatus::Superseded), 0));
    let waiting = decide(&Observed { others: vec![stepping(1)], ..proved(newer, 0, 0, 0.9) }, at(61));
    assert_eq!(
        (reason(&waiting, ConditionType::Progressing), waiting.status.weights.canary),
        ("WaitingForPrevious".into(), 0)
    );
}

#[test]
fn without_model_or_gateway_it_stalls() {
    let lost = decide(&Observed { model: None, ..proved(stepping(1), 50, 30, 0.9) }, at(1));
    assert_eq!((reason(&lost, ConditionType::Stalled), lost.status.weights.canary), ("ModelNotFound".into(), 0));
    let alone = decide(&Observed { traffic: Traffic::NoGateway, ..proved(rollout(), 0, 0, 0.0) }, at(1));
    assert_eq!((reason(&alone, ConditionType::Stalled), alone.status.weights.canary), ("NoGateway".into(), 0));
    let silent = decide(
        &Observed { traffic: Traffic::Unreachable("refused".into()), ..proved(stepping(1), 50, 30, 0.9) },
        at(1),
    );
    assert_eq!((silent.status.weights.canary, silent.status.weights.verified), (50, false));
}
