//! What a Job needs next. Pure.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        batch::v1::{Job, JobCondition, JobSpec, JobStatus},
        core::v1::Pod,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::ResourceExt as _;

use super::{
    counting::{Counts, count, index_of},
    indexes, is_active,
};
use crate::controllers::{
    ControllerOptions,
    common::{is_deleting, is_finished, phase, ready_since},
};

/// The next writes.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The status to store first.
    pub status: JobStatus,
    /// Uids of pods to release from the finalizer then.
    pub release: HashSet<String>,
    /// Uids of pods to delete.
    pub delete: HashSet<String>,
    /// Pods to create, with their index in an Indexed job.
    pub create: Vec<Option<i32>>,
    /// Whether the finished job's time to live is over.
    pub remove_job: bool,
    /// When to look again although nothing changes.
    pub look_again: Option<Duration>,
}

/// Decides for one job and the pods it controls.
pub fn decide(job: &Job, pods: &[Pod], now: Timestamp, options: &ControllerOptions) -> Plan {
    let spec = job.spec.clone().unwrap_or_default();
    let status = job.status.clone().unwrap_or_default();
    let counts = count(job, pods);
    let mut plan = Plan { release: counts.release.clone(), status, ..Plan::default() };
    if finished(&plan.status).is_some() {
        return after_end(job, &spec, plan, now);
    }
    let active: Vec<&Pod> = pods.iter().filter(|p| is_active(p)).collect();
    let terminating = pods.iter().filter(|p| is_deleting(p) && !is_finished(p)).count();
    let suspended = spec.suspend == Some(true);
    suspend_or_resume(&mut plan.status, suspended, now);
    judge_end(&mut plan, &spec, &counts, &active, now);
    let ending =
        condition(&plan.status, "FailureTarget").or_else(|| condition(&plan.status, "SuccessCriteriaMet")).cloned();
    if ending.is_some() || suspended {
        plan.delete = active.iter().filter_map(|p| p.uid()).collect();
    } else if job.metadata.deletion_timestamp.is_none() {
        manage_pods(&mut plan, &spec, &counts, pods, now, options);
    }
    let active_left = active.iter().filter(|p| !plan.delete.contains(&p.uid().unwrap_or_default())).count();
    fill_counts(&mut plan.status, &spec, &counts, &active, terminating, active_left);
    if let Some(ending) = ending
        && active.is_empty()
        && terminating == 0
        && counts.is_settled()
    {
        let kind = if ending.type_ == "FailureTarget" { "Failed" } else { "Complete" };
        if kind == "Complete" {
            plan.status.completion_time = Some(Time(now));
        }
        let (reason, message) = (ending.reason.unwrap_or_default(), ending.message.unwrap_or_default());
        set_condition(&mut plan.status, kind, &reason, message, now);
    }
    plan
}

/// The condition that says how a job ended.
fn finished(status: &JobStatus) -> Option<&JobCondition> {
    condition(status, "Complete").or_else(|| condition(status, "Failed"))
}

fn condition<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    status.conditions.iter().flatten().find(|c| c.type_ == kind && c.status == "True")
}

/// A finished job only waits for its time to live.
fn after_end(job: &Job, spec: &JobSpec, mut plan: Plan, now: Timestamp) -> Plan {
    let ended = finished(&plan.status).and_then(|c| c.last_transition_time.as_ref()).map(|t| t.0);
    if let (Some(ttl), Some(ended)) = (spec.ttl_seconds_after_finished, ended)
        && job.metadata.deletion_timestamp.is_none()
    {
        let left = ended.as_second() + i64::from(ttl) - now.as_second();
        match u64::try_from(left) {
            Ok(left) if left > 0 => plan.look_again = Some(Duration::from_secs(left)),
            _ => plan.remove_job = true,
        }
    }
    plan
}

fn suspend_or_resume(status: &mut JobStatus, suspended: bool, now: Timestamp) {
    let was_suspended = condition(status, "Suspended").is_some();
    if suspended && !was_suspended {
        set_condition(status, "Suspended", "JobSuspended", "Job suspended".to_owned(), now);
        status.start_time = None;
    } else if !suspended {
        if was_suspended {
            set_condition(status, "Suspended", "JobResumed", "Job resumed".to_owned(), now);
            if let Some(resumed) = status.conditions.iter_mut().flatten().find(|c| c.type_ == "Suspended") {
                "False".clone_into(&mut resumed.status);
            }
        }
        if status.start_time.is_none() {
            status.start_time = Some(Time(now));
        }
    }
}

/// Sets `FailureTarget` or `SuccessCriteriaMet` when the job's end is decided.
fn judge_end(plan: &mut Plan, spec: &JobSpec, counts: &Counts, active: &[&Pod], now: Timestamp) {
    if condition(&plan.status, "FailureTarget").or_else(|| condition(&plan.status, "SuccessCriteriaMet")).is_some() {
        return;
    }
    let limit = spec.backoff_limit.unwrap_or(6);
    let deadline = deadline_left(spec, &plan.status, now);
    let failure = if let Some(message) = &counts.fail_job {
        Some(("PodFailurePolicy", message.clone()))
    } else if counts.all_failed() > limit || restarts_exceed(spec, active, limit) {
        Some(("BackoffLimitExceeded", "Job has reached the specified backoff limit".to_owned()))
    } else if deadline.is_some_and(|left| left.is_zero()) {
        Some(("DeadlineExceeded", "Job was active longer than specified deadline".to_owned()))
    } else {
        None
    };
    plan.look_again = deadline.filter(|left| !left.is_zero());
    if let Some((reason, message)) = failure {
        set_condition(&mut plan.status, "FailureTarget", reason, message, now);
        return;
    }
    let complete = match spec.completions {
        Some(completions) => counts.all_succeeded() >= completions,
        // A work queue is empty when one pod has succeeded and none is left.
        None => counts.all_succeeded() > 0 && active.is_empty(),
    };
    if complete && spec.suspend != Some(true) {
        let message = "Reached expected number of succeeded pods".to_owned();
        set_condition(&mut plan.status, "SuccessCriteriaMet", "CompletionsReached", message, now);
    }
}

/// Pods that restart in place count their restarts against the limit.
fn restarts_exceed(spec: &JobSpec, active: &[&Pod], limit: i32) -> bool {
    let policy = spec.template.spec.as_ref().and_then(|s| s.restart_policy.as_deref());
    if policy != Some("OnFailure") {
        return false;
    }
    let statuses = active.iter().filter_map(|p| p.status.as_ref()?.container_statuses.as_ref()).flatten();
    let restarts: i32 = statuses.map(|s| s.restart_count).sum();
    if limit == 0 { restarts > 0 } else { restarts >= limit }
}

fn deadline_left(spec: &JobSpec, status: &JobStatus, now: Timestamp) -> Option<Duration> {
    // A deadline beyond all time is none.
    let end = status.start_time.as_ref()?.0.as_second().checked_add(spec.active_deadline_seconds?)?;
    let left = end.saturating_sub(now.as_second()).clamp(0, i64::from(i32::MAX));
    Some(Duration::from_secs(left.unsigned_abs()))
}

/// Creates and deletes pods until as many are active as there should be.
fn manage_pods(
    plan: &mut Plan,
    spec: &JobSpec,
    counts: &Counts,
    pods: &[Pod],
    now: Timestamp,
    options: &ControllerOptions,
) {
    let parallelism = spec.parallelism.unwrap_or(1);
    let waits = spec.pod_replacement_policy.as_deref() == Some("Failed");
    // With this policy a pod keeps its place until it has really ended.
    let holds_place = |p: &&Pod| is_active(p) || (waits && is_deleting(p) && !is_finished(p));
    let mut holding: Vec<&Pod> = pods.iter().filter(holds_place).collect();
    let indexed = spec.completion_mode.as_deref() == Some("Indexed");
    let wanted = match spec.completions {
        Some(completions) => parallelism.min(completions - counts.all_succeeded()),
        None if counts.all_succeeded() > 0 => i32::try_from(holding.len()).unwrap_or(i32::MAX).min(parallelism),
        None => parallelism,
    };
    let wanted = usize::try_from(wanted).unwrap_or_default();
    if holding.len() > wanted {
        holding.sort_by_key(|p| (is_deleting(p), ready_since(p).is_some(), phase(p) == "Running"));
        let surplus = holding.len() - wanted;
        plan.delete = holding.iter().take(surplus).filter(|p| is_active(p)).filter_map(|p| p.uid()).collect();
        return;
    }
    let missing = wanted - holding.len();
    if missing == 0 {
        return;
    }
    if let Some(wait) = backoff_left(pods, counts, now, options) {
        plan.look_again = Some(plan.look_again.map_or(wait, |other| other.min(wait)));
        return;
    }
    if indexed {
        let taken: HashSet<i32> = holding.iter().filter_map(|p| index_of(p)).collect();
        let free =
            (0..spec.completions.unwrap_or_default()).filter(|i| !taken.contains(i) && !counts.completed.contains(i));
        plan.create = free.take(missing).map(Some).collect();
    } else {
        plan.create = vec![None; missing];
    }
}

/// How long to wait after a failure before the next pod: doubled with every failure since the last success.
fn backoff_left(pods: &[Pod], counts: &Counts, now: Timestamp, options: &ControllerOptions) -> Option<Duration> {
    let last_success = pods.iter().filter(|p| phase(p) == "Succeeded").filter_map(ended_at).max();
    let failures: Vec<Timestamp> = pods
        .iter()
        .filter(|p| phase(p) == "Failed")
        .filter_map(ended_at)
        .filter(|at| last_success.is_none_or(|success| *at > success))
        .collect();
    let latest = failures.iter().max()?;
    // Failed pods may have been deleted; the count of the status remembers them if nothing has succeeded.
    let remembered = if counts.all_succeeded() == 0 { counts.all_failed() } else { 0 };
    let number = u32::try_from(remembered).unwrap_or_default().max(failures.len() as u32).max(1);
    let delay = options.job_backoff.saturating_mul(1 << (number - 1).min(20)).min(options.job_backoff_limit);
    let since = u64::try_from(now.as_millisecond() - latest.as_millisecond()).unwrap_or_default();
    let left = delay.saturating_sub(Duration::from_millis(since));
    (!left.is_zero()).then_some(left)
}

/// When the last container of a pod ended.
fn ended_at(pod: &Pod) -> Option<Timestamp> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let ends = statuses.iter().filter_map(|s| s.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref());
    ends.map(|t| t.0).max()
}

fn fill_counts(
    status: &mut JobStatus,
    spec: &JobSpec,
    counts: &Counts,
    active: &[&Pod],
    terminating: usize,
    active_left: usize,
) {
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let nonzero = |n: i32| Some(n).filter(|n| *n > 0);
    status.active = nonzero(number(active_left));
    status.ready = Some(number(active.iter().filter(|p| ready_since(p).is_some()).count()));
    status.terminating = Some(number(terminating + active.len() - active_left));
    status.succeeded = nonzero(counts.succeeded);
    status.failed = nonzero(counts.failed);
    status.uncounted_terminated_pods = Some(counts.uncounted());
    if spec.completion_mode.as_deref() == Some("Indexed") {
        status.completed_indexes = Some(indexes::format(&counts.completed)).filter(|text| !text.is_empty());
    }
}

/// Sets a condition to `True`; its time stays while it stays.
fn set_condition(status: &mut JobStatus, kind: &str, reason: &str, message: String, now: Timestamp) {
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|c| c.type_ != kind);
    conditions.push(JobCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: Some(Time(now)),
        last_probe_time: Some(Time(now)),
    });
}
