use genesis_api::conditions::{find, is_true};
use genesis_api::training_run::{JobFailure, TrainedAdapter, TrainingPhase, TrainingRunSpec};
use serde_json::json;

use super::*;
use crate::model::testing::{adapter, at, settings};

fn run() -> TrainingRun {
    serde_json::from_value(json!({
        "apiVersion": "genesis.truth.si/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {
            "name": "coder-r1", "namespace": "ns", "uid": "run-uid", "generation": 1,
            "labels": { "kueue.x-k8s.io/queue-name": "gpu", "genesis.truth.si/model": "coder" },
        },
        "spec": {
            "modelRef": { "name": "coder" },
            "baseModel": { "uri": "builtin://seedling" },
            "storage": { "uri": "file:///store", "claimName": "artifacts" },
            "trainer": { "resources": { "limits": { "nvidia.com/gpu": "1" } } },
        },
    }))
    .unwrap()
}

fn observed(run: TrainingRun, job: JobState) -> Observed {
    Observed { run, job, verified: None, has_gateway: true, settings: settings() }
}

fn frozen(mut run: TrainingRun) -> TrainingRun {
    let dataset = adapter(1);
    let dataset =
        DatasetStatus { uri: dataset.uri, digest: dataset.digest, rows: Some(9), tasks: Some(3), watermark: Some(40) };
    run.status.get_or_insert_default().dataset = Some(dataset);
    run
}

fn active(suspended: bool) -> JobState {
    JobState::Active { suspended, failures: 0 }
}

fn failed(reason: &str) -> JobState {
    JobState::Failed { reason: reason.into(), message: "m".into(), failures: 4 }
}

fn reason(plan: &RunPlan, kind: ConditionType) -> String {
    find(&plan.status.conditions, kind).map(|condition| condition.reason.clone()).unwrap_or_default()
}

#[test]
fn a_run_gets_a_dataset_then_a_job_then_its_time() {
    let first = decide(&observed(run(), JobState::Absent), at(0));
    assert!(matches!(first.actions.as_slice(), [RunAction::FreezeDataset(request)] if request.name == "coder-r1"));
    assert_eq!(reason(&first, ConditionType::Reconciling), "FreezingDataset");

    let second = decide(&observed(frozen(run()), JobState::Absent), at(1));
    assert!(matches!(second.actions.as_slice(), [RunAction::CreateJob(_)]));
    assert_eq!(second.status.job_name.as_deref(), Some("coder-r1-train"));

    let third = decide(&observed(frozen(run()), active(false)), at(2));
    assert!(third.actions.is_empty() && third.notices.is_empty());
    assert_eq!(third.status.phase, TrainingPhase::Running);
}

#[test]
fn a_dataset_that_is_given_is_taken_as_it_is() {
    let mut given = run();
    let dataset = adapter(5);
    (given.spec.dataset.uri, given.spec.dataset.digest) = (Some(dataset.uri.clone()), Some(dataset.digest));
    let plan = decide(&Observed { has_gateway: false, ..observed(given, JobState::Absent) }, at(0));
    assert!(matches!(plan.actions.as_slice(), [RunAction::CreateJob(_)]));
    assert_eq!(plan.status.dataset.map(|dataset| dataset.uri), Some(dataset.uri));

    let without = decide(&Observed { has_gateway: false, ..observed(run(), JobState::Absent) }, at(0));
    assert!(without.actions.is_empty());
    assert_eq!(reason(&without, ConditionType::Stalled), "NoGateway");
}

#[test]
fn a_held_run_freezes_its_dataset_and_starts_nothing() {
    let held = |run: TrainingRun| TrainingRun { spec: TrainingRunSpec { suspend: true, ..run.spec.clone() }, ..run };
    let first = decide(&observed(held(run()), JobState::Absent), at(0));
    assert!(matches!(first.actions.as_slice(), [RunAction::FreezeDataset(_)]));
    let second = decide(&observed(held(frozen(run())), JobState::Absent), at(0));
    assert!(second.actions.is_empty());
    assert_eq!(
        (second.status.phase, reason(&second, ConditionType::Suspended)),
        (TrainingPhase::Suspended, "Suspended".into())
    );

    let stopped = decide(&observed(held(frozen(run())), active(false)), at(1));
    assert_eq!(stopped.actions, [RunAction::SuspendJob(true)]);
    let mut resumed = frozen(run());
    resumed.status = Some(TrainingRunStatus { dataset: resumed.status.unwrap().dataset, ..second.status });
    let resumed = decide(&observed(resumed, active(true)), at(2));
    assert_eq!(resumed.actions, [RunAction::SuspendJob(false)]);
    assert_eq!(reason(&resumed, ConditionType::Suspended), "Resumed");
}

#[test]
fn it_is_complete_only_when_the_adapter_in_the_store_is_the_one_that_was_told_of() {
    let told = |verified| {
        let mut run = frozen(run());
        let adapter = TrainedAdapter { adapter: adapter(3), rank: 8, size_bytes: 1 };
        run.status.get_or_insert_default().adapter = Some(adapter);
        decide(&Observed { verified: Some(verified), ..observed(run, active(false)) }, at(93))
    };
    let right = told(Verification::Right);
    assert_eq!((right.status.phase, right.look_again), (TrainingPhase::Complete, None));
    assert!(is_true(&right.status.conditions, ConditionType::Complete));
    assert_eq!(right.status.duration.as_deref(), Some("0s"));
    let [RunAction::Record(Record::Adapter(kept))] = right.actions.as_slice() else { panic!("{:?}", right.actions) };
    assert_eq!((&kept.adapter.digest, kept.training_run.as_str()), (&adapter(3).digest, "coder-r1"));
    assert!(kept.dataset.is_some(), "the ledger knows what it was trained on");

    let wrong = told(Verification::Wrong("holds another".into()));
    assert!(wrong.actions.is_empty(), "{:?}", wrong.actions);
    assert_eq!(
        (wrong.status.phase, reason(&wrong, ConditionType::Failed)),
        (TrainingPhase::Failed, "AdapterCorrupt".into())
    );
    let unreadable = told(Verification::Unreadable("stale handle".into()));
    assert_eq!(reason(&unreadable, ConditionType::Reconciling), "StorageUnreachable");
    assert!(!unreadable.status.phase.is_finished(), "a store that is away for a moment fails nothing");
}

#[test]
fn a_failure_has_the_reason_that_the_trainer_gave() {
    let with = |told: Option<&str>, job: JobState| {
        let mut run = frozen(run());
        run.status.get_or_insert_default().last_failure = told.map(|reason| JobFailure {
            reason: reason.into(),
            message: "rows are empty".into(),
            retriable: false,
            time: None,
        });
        let plan = decide(&observed(run, job), at(5));
        assert_eq!(plan.status.phase, TrainingPhase::Failed);
        reason(&plan, ConditionType::Failed)
    };
    assert_eq!(with(Some("DatasetInvalid"), failed("PodFailurePolicy")), "DatasetInvalid");
    assert_eq!(with(Some("OutOfMemory"), failed("BackoffLimitExceeded")), "OutOfMemory");
    assert_eq!(with(Some("Surprise"), failed("BackoffLimitExceeded")), "BackoffLimitExceeded");
    assert_eq!(with(Some("Surprise"), failed("PodFailurePolicy")), "TrainerFailed");
    assert_eq!(with(None, failed("DeadlineExceeded")), "DeadlineExceeded");
    assert_eq!(with(None, JobState::Complete), "AdapterMissing");
}

#[test]
fn a_job_that_is_gone_counts_as_a_failure_and_is_made_again_within_the_limit() {
    let mut run = frozen(run());
    run.spec.backoff_limit = 1;
    let begun = decide(&observed(run.clone(), JobState::Absent), at(0));
    run.status = Some(begun.status);
    let lost = decide(&observed(run.clone(), JobState::Absent), at(1));
    assert!(lost.actions.is_empty(), "it is written down first");
    assert_eq!((reason(&lost, ConditionType::Reconciling), lost.status.job_name.as_deref()), ("JobLost".into(), None));
    run.status = Some(lost.status);
    let again = decide(&observed(run.clone(), JobState::Absent), at(2));
    let [RunAction::CreateJob(job)] = again.actions.as_slice() else { panic!("{:?}", again.actions) };
    assert_eq!(job.spec.as_ref().unwrap().backoff_limit, Some(0), "one failure is used up");
    assert_eq!(job.spec.as_ref().unwrap().ttl_seconds_after_finished, None, "its end has to be seen");
    run.status = Some(again.status);
    let over = decide(&observed(run, JobState::Absent), at(3));
    assert_eq!((over.status.phase, reason(&over, ConditionType::Failed)), (TrainingPhase::Failed, "JobLost".into()));
}

#[test]
fn its_time_runs_out_whatever_its_job_does_but_not_while_it_is_held() {
    let mut run = frozen(run());
    run.spec.active_deadline_seconds = 100;
    run.status.get_or_insert_default().start_time = Some(at(0));
    assert!(!decide(&observed(run.clone(), active(false)), at(100)).status.phase.is_finished());
    let late = decide(&observed(run.clone(), active(false)), at(101));
    assert_eq!(late.actions, [RunAction::SuspendJob(true)]);
    assert_eq!(reason(&late, ConditionType::Failed), "DeadlineExceeded");

    run.spec.suspend = true;
    let held = decide(&observed(run.clone(), active(true)), at(50));
    run.status = Some(held.status);
    let held = decide(&observed(run.clone(), active(true)), at(9_000));
    assert_eq!(held.status.phase, TrainingPhase::Suspended);
    (run.status, run.spec.suspend) = (Some(held.status), false);
    let resumed = decide(&observed(run, active(true)), at(9_050));
    assert_eq!((resumed.status.phase, resumed.status.start_time), (TrainingPhase::Running, Some(at(9_000))));
}

#[test]
fn a_job_of_a_run_that_had_the_same_name_is_not_taken_for_its_own() {
    let plan = decide(&observed(frozen(run()), JobState::Foreign), at(0));
    assert!(plan.actions.is_empty());
    let stalled = find(&plan.status.conditions, ConditionType::Stalled).unwrap();
    assert_eq!(stalled.reason, "NameTaken");
    assert!(stalled.message.contains("coder-r1-train"), "{}", stalled.message);
}

#[test]
fn what_has_ended_stays() {
    let mut over = frozen(run());
    over.status.get_or_insert_default().phase = TrainingPhase::Failed;
    let plan = decide(&observed(over.clone(), JobState::Absent), at(9));
    assert_eq!(plan, Plan::rest(over.status.unwrap()));
}

#[test]
fn a_gateway_that_freezes_nothing_is_named_in_the_status() {
    let mut status = TrainingRunStatus::default();
    freeze_failed(&mut status, &run(), "dataset_empty", at(0));
    assert!(status.message.contains("dataset_empty"));
    assert_eq!(find(&status.conditions, ConditionType::Reconciling).unwrap().reason, "GatewayUnreachable");
}

#[test]
fn the_trainers_job() {
    let plan = decide(&observed(frozen(run()), JobState::Absent), at(1));
    let [RunAction::CreateJob(job)] = plan.actions.as_slice() else { panic!("{:?}", plan.actions) };
    insta::assert_yaml_snapshot!("training_job", job);
}
