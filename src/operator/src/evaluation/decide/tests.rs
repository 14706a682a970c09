use std::collections::BTreeMap;

use genesis_api::conditions::{ConditionType, find};
use genesis_api::evaluation::EvaluationPhase;
use genesis_api::training_run::JobFailure;
use genesis_api::{ArtifactReference, Evaluation};
use genesis_core::promotion::Verdict;
use serde_json::json;

use super::*;
use crate::model::testing::{adapter, at, settings};
use crate::serving::{AdapterState, Replica};

fn evaluation() -> Evaluation {
    serde_json::from_value(json!({
        "apiVersion": "genesis.truth.si/v1alpha1",
        "kind": "Evaluation",
        "metadata": { "name": "coder-r1", "namespace": "ns", "uid": "evaluation-uid", "generation": 1 },
        "spec": {
            "modelRef": { "name": "coder" },
            "servedModelName": "coder",
            "storage": { "uri": "file:///store" },
            "baseline": adapter(1),
            "candidate": adapter(2),
            "suites": [
                { "name": "sealed", "uri": "store://suites/sealed" },
                { "name": "dev", "uri": "file:///suites/dev.json", "digest": adapter(3).digest },
            ],
        },
    }))
    .unwrap()
}

fn replica(index: u8, candidate: AdapterState) -> Replica {
    let wanted = BTreeMap::from([
        (adapter(1).served_name("coder"), AdapterState::Proved),
        (adapter(2).served_name("coder"), candidate),
    ]);
    Replica {
        pod: format!("pod-{index}"),
        incarnation: format!("{index}/0"),
        address: format!("127.0.0.{index}"),
        wanted,
        ..Replica::default()
    }
}

fn observed(evaluation: Evaluation) -> Observed {
    Observed {
        evaluation,
        served_model: Some("coder".into()),
        replicas: vec![replica(2, AdapterState::Proved), replica(3, AdapterState::Proved)],
        sandboxes: vec!["127.0.0.9".into()],
        job: JobState::Absent,
        settings: settings(),
    }
}

/// After this many attempts, the last of which failed at second 0 for this reason.
fn after(attempts: i32, failed: i32, told: Option<(&str, bool)>) -> Evaluation {
    let mut evaluation = evaluation();
    let status = evaluation.status.get_or_insert_default();
    (status.attempts, status.failed_attempts, status.start_time) = (attempts, failed, Some(at(0)));
    status.job_name = (attempts > failed).then(|| format!("coder-r1-evaluate-{attempts}"));
    status.last_failure = told.map(|(reason, retriable)| JobFailure {
        reason: reason.into(),
        message: "m".into(),
        retriable,
        time: Some(at(0)),
    });
    evaluation
}

fn failed_job() -> JobState {
    JobState::Failed { reason: "BackoffLimitExceeded".into(), message: "m".into(), failures: 1 }
}

fn reason(plan: &EvaluationPlan, kind: ConditionType) -> String {
    find(&plan.status.conditions, kind).map(|condition| condition.reason.clone()).unwrap_or_default()
}

#[test]
fn nothing_is_compared_before_both_adapters_are_proved_on_every_replica() {
    let missing = Observed {
        replicas: vec![replica(2, AdapterState::Proved), replica(3, AdapterState::Missing)],
        ..observed(evaluation())
    };
    let plan = decide(&missing, at(0));
    let load = AdapterChange::Load {
        address: "127.0.0.3".into(),
        incarnation: "3/0".into(),
        name: adapter(2).served_name("coder"),
        adapter: adapter(2).into(),
    };
    assert_eq!(plan.actions, [EvaluationAction::Adapter(load)]);
    assert_eq!((plan.status.phase, plan.status.attempts), (EvaluationPhase::Loading, 0));

    for (replicas, sandboxes) in [(vec![], vec!["x".to_owned()]), (observed(evaluation()).replicas, vec![])] {
        let plan = decide(&Observed { replicas, sandboxes, ..observed(evaluation()) }, at(0));
        assert!(plan.actions.is_empty());
        assert_eq!(reason(&plan, ConditionType::Reconciling), "WaitingForPods");
    }
}

#[test]
fn another_adapter_under_the_candidates_name_ends_it_at_once_and_a_refusal_after_a_while() {
    let wrong =
        Observed { replicas: vec![replica(2, AdapterState::Disproved("differs".into()))], ..observed(evaluation()) };
    let plan = decide(&wrong, at(0));
    assert_eq!(
        (plan.status.phase, reason(&plan, ConditionType::Failed)),
        (EvaluationPhase::Failed, "InputInvalid".into())
    );

    let refused = |evaluation| Observed {
        replicas: vec![replica(2, AdapterState::Refused("rank 512".into()))],
        ..observed(evaluation)
    };
    assert!(!decide(&refused(after(0, 0, None)), at(30)).status.phase.is_finished());
    let plan = decide(&refused(after(0, 0, None)), at(61));
    assert!(plan.status.message.contains("rank 512"), "{}", plan.status.message);
    assert_eq!(plan.status.phase, EvaluationPhase::Failed);
}

#[test]
fn a_failed_attempt_is_followed_by_another_after_a_pause_with_the_addresses_of_then() {
    let first = Observed { job: failed_job(), ..observed(after(1, 0, None)) };
    let plan = decide(&first, at(0));
    assert_eq!((plan.status.failed_attempts, plan.status.attempts), (1, 1));
    assert!(plan.actions.is_empty(), "it pauses first");
    let waiting = Evaluation { status: Some(plan.status), ..evaluation() };
    let again = decide(&Observed { job: failed_job(), ..observed(waiting.clone()) }, at(1));
    assert_eq!((again.status.failed_attempts, again.actions.len()), (1, 0), "one failure is counted once");
    let second = decide(&Observed { job: failed_job(), ..observed(waiting) }, at(2));
    assert!(
        matches!(second.actions.as_slice(), [EvaluationAction::CreateJob(job)] if job.metadata.name.as_deref() == Some("coder-r1-evaluate-2"))
    );
}

#[test]
fn attempts_end_at_the_limit_or_when_trying_again_cannot_help() {
    let last = Observed { job: failed_job(), ..observed(after(4, 3, Some(("InferenceUnreachable", true)))) };
    let plan = decide(&last, at(100));
    assert_eq!(
        (plan.status.phase, reason(&plan, ConditionType::Failed)),
        (EvaluationPhase::Failed, "BackoffLimitExceeded".into())
    );
    let hopeless = Observed { job: failed_job(), ..observed(after(1, 0, Some(("SuiteFormat", false)))) };
    assert_eq!(reason(&decide(&hopeless, at(1)), ConditionType::Failed), "InputInvalid");
    let silent = Observed { job: JobState::Complete, ..observed(after(1, 0, None)) };
    assert_eq!(decide(&silent, at(1)).status.failed_attempts, 1, "an evaluator that tells of nothing has failed");
}

#[test]
fn deadline_and_hold_delete_the_job() {
    let job = EvaluationAction::DeleteJob("coder-r1-evaluate-1".into());
    let running = JobState::Active { suspended: false, failures: 0 };
    let late = decide(&Observed { job: running.clone(), ..observed(after(1, 0, None)) }, at(6 * 3600 + 1));
    assert_eq!(
        (late.actions.as_slice(), reason(&late, ConditionType::Failed).as_str()),
        (&[job.clone()][..], "DeadlineExceeded")
    );
    let mut held = after(1, 0, None);
    held.spec.suspend = true;
    let plan = decide(&Observed { job: running, ..observed(held) }, at(1));
    assert_eq!((plan.actions, plan.status.phase), (vec![job], EvaluationPhase::Suspended));
}

#[test]
fn attempts_that_were_ended_by_a_hold_are_no_failures_and_held_time_does_not_count() {
    let running = JobState::Active { suspended: false, failures: 0 };
    let mut held = after(1, 0, None);
    for second in [10, 20_000] {
        held.spec.suspend = true;
        let plan = decide(&Observed { job: running.clone(), ..observed(held.clone()) }, at(second));
        assert_eq!((plan.status.phase, plan.status.job_name.as_deref()), (EvaluationPhase::Suspended, None));
        held.status = Some(plan.status);
    }
    let still = decide(&observed(held.clone()), at(30_000));
    assert_eq!(still.status.phase, EvaluationPhase::Suspended, "more than its deadline has gone by");
    (held.status, held.spec.suspend) = (Some(still.status), false);
    let resumed = decide(&observed(held.clone()), at(30_010));
    assert_eq!((resumed.status.start_time, resumed.status.attempts), (Some(at(30_000)), 2));
    held.status = Some(resumed.status);
    let failed = decide(&Observed { job: failed_job(), ..observed(held) }, at(30_020));
    assert_eq!((failed.status.failed_attempts, failed.status.attempts), (1, 2));
}

#[test]
fn a_job_that_is_gone_is_a_failed_attempt_and_one_of_another_object_is_none() {
    let lost = decide(&observed(after(1, 0, None)), at(1));
    assert_eq!((lost.status.failed_attempts, lost.status.job_name.as_deref()), (1, None));
    assert_eq!(lost.status.last_failure.map(|failure| failure.reason).as_deref(), Some("JobLost"));
    let plan = decide(&observed(after(4, 3, None)), at(1));
    assert_eq!(reason(&plan, ConditionType::Failed), "BackoffLimitExceeded");

    let foreign = decide(&Observed { job: JobState::Foreign, ..observed(after(1, 0, None)) }, at(1));
    assert!(foreign.actions.is_empty());
    assert_eq!((reason(&foreign, ConditionType::Reconciling), foreign.status.failed_attempts), ("NameTaken".into(), 0));
}

#[test]
fn a_verdict_ends_it_and_inconclusive_is_neither_true_nor_false() {
    for (verdict, expected) in [(Verdict::Pass, "True"), (Verdict::Fail, "False"), (Verdict::Inconclusive, "Unknown")] {
        let mut judged = after(1, 0, None);
        let status = judged.status.get_or_insert_default();
        status.verdict = Some(verdict);
        status.report = Some(ArtifactReference { uri: "file:///r".into(), digest: adapter(9).digest });
        let candidate = judged.spec.candidate.digest.clone();
        let plan = decide(&Observed { job: failed_job(), ..observed(judged) }, at(9));
        let [EvaluationAction::Record(Record::Evaluation(kept))] = plan.actions.as_slice() else {
            panic!("the ledger is told: {:?}", plan.actions)
        };
        assert_eq!((kept.verdict, &kept.candidate.digest), (verdict, &candidate));
        assert_eq!((plan.status.phase, plan.look_again), (EvaluationPhase::Complete, None));
        assert_eq!(find(&plan.status.conditions, ConditionType::Passed).unwrap().status, expected);
        assert_eq!(find(&plan.status.conditions, ConditionType::Complete).unwrap().status, "True");
    }
}

#[test]
fn the_evaluators_job() {
    let plan = decide(&observed(evaluation()), at(0));
    let [EvaluationAction::CreateJob(job)] = plan.actions.as_slice() else { panic!("{:?}", plan.actions) };
    insta::assert_yaml_snapshot!("evaluation_job", job);
}
