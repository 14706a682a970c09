use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    TRACKING_FINALIZER,
    decide::{Plan, decide},
};
use crate::controllers::ControllerOptions;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn job(spec: Value) -> Job {
    let mut full = json!({
        "parallelism": 1, "completions": 1, "backoffLimit": 2, "suspend": false, "completionMode": "NonIndexed",
        "podReplacementPolicy": "TerminatingOrFailed", "template": { "spec": { "restartPolicy": "Never" } },
    });
    for (key, value) in spec.as_object().unwrap() {
        full[key] = value.clone();
    }
    serde_json::from_value(json!({ "metadata": { "name": "j", "uid": "job" }, "spec": full })).unwrap()
}

fn pod(uid: &str, phase: &str, tracked: bool) -> Pod {
    let finalizers: &[&str] = if tracked { &[TRACKING_FINALIZER] } else { &[] };
    serde_json::from_value(json!({
        "metadata": { "name": uid, "uid": uid, "finalizers": finalizers },
        "status": { "phase": phase, "containerStatuses": [{
            "name": "c", "ready": false, "restartCount": 0, "image": "", "imageID": "",
            "state": if matches!(phase, "Failed" | "Succeeded") {
                json!({ "terminated": { "exitCode": i32::from(phase == "Failed"), "finishedAt": at(0) } })
            } else { json!({}) },
        }] },
    }))
    .unwrap()
}

fn next(job: &mut Job, pods: &[Pod], second: i64) -> Plan {
    let plan = decide(job, pods, at(second), &ControllerOptions::default());
    job.status = Some(plan.status.clone());
    plan
}

fn conditions(job: &Job) -> Vec<String> {
    let status = job.status.clone().unwrap_or_default();
    let shown = |c: k8s_openapi::api::batch::v1::JobCondition| {
        format!("{}={} {}", c.type_, c.status, c.reason.unwrap_or_default())
    };
    status.conditions.unwrap_or_default().into_iter().map(shown).collect()
}

#[test]
fn a_success_is_noted_released_counted_and_then_completes_the_job() {
    let mut job = job(json!({}));
    assert_eq!(next(&mut job, &[], 0).create, [None]);
    let plan = next(&mut job, &[pod("a", "Succeeded", true)], 1);
    assert_eq!(plan.release, HashSet::from(["a".to_owned()]));
    assert_eq!(conditions(&job), ["SuccessCriteriaMet=True CompletionsReached"]);
    next(&mut job, &[pod("a", "Succeeded", false)], 2);
    let status = job.status.clone().unwrap();
    assert_eq!((status.succeeded, status.completion_time.map(|t| t.0)), (Some(1), Some(at(2))));
    assert_eq!(conditions(&job), ["SuccessCriteriaMet=True CompletionsReached", "Complete=True CompletionsReached"]);
}

#[test]
fn failures_beyond_the_limit_fail_the_job_once_its_pods_are_gone() {
    let mut job = job(json!({ "backoffLimit": 0, "parallelism": 2, "completions": 2 }));
    let plan = next(&mut job, &[pod("a", "Failed", true), pod("b", "Running", true)], 1);
    assert_eq!(plan.delete, HashSet::from(["b".to_owned()]));
    assert_eq!(conditions(&job), ["FailureTarget=True BackoffLimitExceeded"]);
    next(&mut job, &[pod("a", "Failed", false)], 2);
    assert_eq!(conditions(&job), ["FailureTarget=True BackoffLimitExceeded", "Failed=True BackoffLimitExceeded"]);
}

#[test]
fn the_deadline_and_suspension() {
    let mut deadline = job(json!({ "activeDeadlineSeconds": 5 }));
    assert_eq!(next(&mut deadline, &[], 0).look_again, Some(Duration::from_secs(5)));
    next(&mut deadline, &[pod("a", "Running", true)], 6);
    assert_eq!(conditions(&deadline), ["FailureTarget=True DeadlineExceeded"]);

    let mut endless = job(json!({ "activeDeadlineSeconds": i64::MAX }));
    assert_eq!(next(&mut endless, &[pod("a", "Running", true)], 1_000_000_000).delete.len(), 0);

    let mut suspended = job(json!({ "suspend": true }));
    let plan = next(&mut suspended, &[pod("a", "Running", true)], 0);
    assert_eq!((plan.create.len(), plan.delete.len()), (0, 1));
    assert_eq!(conditions(&suspended), ["Suspended=True JobSuspended"]);
    suspended.spec.as_mut().unwrap().suspend = Some(false);
    assert_eq!(next(&mut suspended, &[], 3).create.len(), 1);
    assert_eq!(conditions(&suspended), ["Suspended=False JobResumed"]);
}

#[test]
fn failed_pods_are_replaced_after_a_growing_wait() {
    let mut job = job(json!({}));
    next(&mut job, &[], 0);
    let failed = [pod("a", "Failed", true)];
    let plan = next(&mut job, &failed, 0);
    assert_eq!((plan.create.len(), plan.look_again), (0, Some(Duration::from_millis(500))));
    assert_eq!(next(&mut job, &failed, 1).create.len(), 1);
}

#[test]
fn indexed_jobs_run_each_index_once() {
    let mut job = job(json!({ "completionMode": "Indexed", "completions": 3, "parallelism": 2 }));
    assert_eq!(next(&mut job, &[], 0).create, [Some(0), Some(1)]);
    let indexed = |uid: &str, phase: &str, index: i32| {
        let mut pod = pod(uid, phase, true);
        pod.annotations_mut().insert(super::INDEX.to_owned(), index.to_string());
        pod
    };
    let pods = [indexed("a", "Succeeded", 0), indexed("b", "Running", 1)];
    assert_eq!(next(&mut job, &pods, 1).create, [Some(2)]);
    assert_eq!(job.status.unwrap().completed_indexes.as_deref(), Some("0"));
}

#[test]
fn a_finished_job_is_removed_when_its_time_is_over() {
    let mut job = job(json!({ "ttlSecondsAfterFinished": 10 }));
    next(&mut job, &[pod("a", "Succeeded", true)], 0);
    next(&mut job, &[pod("a", "Succeeded", false)], 1);
    assert_eq!(next(&mut job, &[], 5).look_again, Some(Duration::from_secs(6)));
    assert!(next(&mut job, &[], 12).remove_job);
}

proptest! {
    /// Whatever step a crash repeats, each pod is counted exactly once.
    #[test]
    fn no_pod_is_counted_twice(phases in proptest::collection::vec(any::<bool>(), 1..12), crashes in any::<u64>()) {
        let total = i32::try_from(phases.len()).unwrap();
        let mut job = job(json!({ "completions": total + 1, "parallelism": total + 1, "backoffLimit": 100 }));
        let mut pods: Vec<Pod> = phases
            .iter()
            .enumerate()
            .map(|(i, ok)| pod(&format!("p{i}"), if *ok { "Succeeded" } else { "Failed" }, true))
            .collect();
        for step in 0..40 {
            let plan = decide(&job, &pods, at(step), &ControllerOptions::default());
            // A crash before the status is stored changes nothing; one after it may release only some pods.
            if crashes >> step & 1 == 1 && step < 30 {
                continue;
            }
            job.status = Some(plan.status);
            for (i, pod) in pods.iter_mut().enumerate() {
                let crashed = crashes >> ((step as usize + i) % 64) & 1 == 1 && step < 30;
                if plan.release.contains(&pod.uid().unwrap()) && !crashed {
                    pod.finalizers_mut().clear();
                }
            }
        }
        let status = job.status.unwrap();
        let succeeded = i32::try_from(phases.iter().filter(|ok| **ok).count()).unwrap();
        prop_assert_eq!(status.succeeded.unwrap_or_default(), succeeded);
        prop_assert_eq!(status.failed.unwrap_or_default(), total - succeeded);
    }
}
