//! Counting ended pods exactly once. Pure.

use std::collections::{BTreeSet, HashSet};

use k8s_openapi::api::{
    batch::v1::{Job, UncountedTerminatedPods},
    core::v1::Pod,
};
use kube::ResourceExt as _;

use super::{
    INDEX,
    failure_policy::{Verdict, judge},
    indexes, is_tracked,
};
use crate::controllers::common::{is_deleting, phase};

/// The counts after a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods that succeeded and whose finalizer is gone.
    pub succeeded: i32,
    /// Pods that failed and whose finalizer is gone.
    pub failed: i32,
    /// Uids of pods seen to have succeeded, not counted yet.
    pub uncounted_succeeded: BTreeSet<String>,
    /// Uids of pods seen to have failed, not counted yet.
    pub uncounted_failed: BTreeSet<String>,
    /// Completed indexes of an Indexed job.
    pub completed: BTreeSet<i32>,
    /// Message of a pod that fails the whole job.
    pub fail_job: Option<String>,
    /// Uids of pods whose finalizer can go once these counts are stored.
    pub release: HashSet<String>,
}

impl Counts {
    /// Successes, counted or about to be.
    pub fn all_succeeded(&self) -> i32 {
        self.succeeded + i32::try_from(self.uncounted_succeeded.len()).unwrap_or(i32::MAX)
    }

    /// Failures, counted or about to be.
    pub fn all_failed(&self) -> i32 {
        self.failed + i32::try_from(self.uncounted_failed.len()).unwrap_or(i32::MAX)
    }

    /// Whether everything seen is counted.
    pub fn is_settled(&self) -> bool {
        self.uncounted_succeeded.is_empty() && self.uncounted_failed.is_empty()
    }

    /// `status.uncountedTerminatedPods`.
    pub fn uncounted(&self) -> UncountedTerminatedPods {
        let list = |uids: &BTreeSet<String>| Some(uids.iter().cloned().collect()).filter(|l: &Vec<_>| !l.is_empty());
        UncountedTerminatedPods { succeeded: list(&self.uncounted_succeeded), failed: list(&self.uncounted_failed) }
    }
}

/// A pod's index in an Indexed job.
pub fn index_of(pod: &Pod) -> Option<i32> {
    pod.annotations().get(INDEX)?.parse().ok()
}

/// Whether a pod is a failure: it ended as one, or it is going away without having succeeded, unless the job replaces
/// pods only when they have ended.
pub fn is_failed(job: &Job, pod: &Pod) -> bool {
    let waits = job.spec.as_ref().and_then(|s| s.pod_replacement_policy.as_deref()) == Some("Failed");
    phase(pod) == "Failed" || (!waits && is_deleting(pod) && phase(pod) != "Succeeded")
}

/// Counts what ended.
pub fn count(job: &Job, pods: &[Pod]) -> Counts {
    let status = job.status.clone().unwrap_or_default();
    let indexed = job.spec.as_ref().and_then(|s| s.completion_mode.as_deref()) == Some("Indexed");
    let before = status.uncounted_terminated_pods.unwrap_or_default();
    let tracked: HashSet<String> = pods.iter().filter(|p| is_tracked(p)).filter_map(kube::ResourceExt::uid).collect();
    let mut counts = Counts {
        succeeded: status.succeeded.unwrap_or_default(),
        failed: status.failed.unwrap_or_default(),
        completed: indexes::parse(status.completed_indexes.as_deref().unwrap_or_default()),
        ..Counts::default()
    };
    // What was noted before and has lost its finalizer since is counted now.
    for uid in before.succeeded.unwrap_or_default() {
        if tracked.contains(&uid) {
            counts.uncounted_succeeded.insert(uid);
        } else {
            counts.succeeded += 1;
        }
    }
    for uid in before.failed.unwrap_or_default() {
        if tracked.contains(&uid) {
            counts.uncounted_failed.insert(uid);
        } else {
            counts.failed += 1;
        }
    }
    for pod in pods.iter().filter(|p| is_tracked(p)) {
        let uid = pod.uid().unwrap_or_default();
        if phase(pod) == "Succeeded" {
            match index_of(pod).filter(|_| indexed) {
                // An index completes once, whichever of its pods was first.
                Some(index) => counts.completed.insert(index),
                None => counts.uncounted_succeeded.insert(uid.clone()),
            };
            counts.release.insert(uid);
        } else if is_failed(job, pod) {
            if !counts.uncounted_failed.contains(&uid) {
                match if phase(pod) == "Failed" { judge(job, pod) } else { Verdict::Count } {
                    Verdict::Ignore => {}
                    Verdict::Count => {
                        counts.uncounted_failed.insert(uid.clone());
                    }
                    Verdict::FailJob(message) => {
                        counts.uncounted_failed.insert(uid.clone());
                        counts.fail_job.get_or_insert(message);
                    }
                }
            }
            counts.release.insert(uid);
        }
    }
    if indexed {
        counts.succeeded = i32::try_from(counts.completed.len()).unwrap_or(i32::MAX);
    }
    counts
}
