//! What to do about an evaluation. Pure.

mod describe;

use std::time::Duration;

use genesis_api::conditions::EvaluationReason as Reason;
use genesis_api::evaluation::EvaluationStatus;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;

use self::describe::describe;
use super::job;
use super::observe::{Observed, adapters};
use crate::jobs::JobState;
use crate::lifecycle;
use crate::plan::{Notice, Plan};
use crate::record::{self, Record};
use crate::serving::{AdapterChange, Standing, load_where_missing, refusal, standing};
use crate::training_run::event::failure;

/// A plan for an evaluation.
pub type EvaluationPlan = Plan<EvaluationStatus, EvaluationAction>;

/// What can be done for an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub enum EvaluationAction {
    /// Load an adapter.
    Adapter(AdapterChange),
    /// Start an attempt.
    CreateJob(Box<Job>),
    /// End one.
    DeleteJob(String),
    /// Tell the ledger of the verdict.
    Record(Record),
}

/// Where an evaluation stands.
pub(super) enum Stand {
    /// There is a verdict.
    Judged,
    /// There will be none.
    Failed(Reason, String),
    /// It is held.
    Suspended,
    /// It goes on; `true` once the evaluator is at work.
    Working(Reason, String, bool),
}

/// Seconds for which a refused adapter is tried again: other adapters may have to be unloaded first.
const LOAD_PATIENCE_SECONDS: i64 = 60;
/// Seconds before the second attempt; doubled for each further one.
const FIRST_BACKOFF_SECONDS: i64 = 2;
/// Longest pause between two attempts.
const LONGEST_BACKOFF_SECONDS: i64 = 300;

/// 1. A verdict that was told of ends it.
/// 2. While it is held there is no Job, and its time does not run; it begins again afterwards.
/// 3. Its deadline ends it.
/// 4. An attempt that failed, or whose Job is gone, is counted once, and followed by another after a pause, unless trying again cannot help.
/// 5. Both adapters are loaded and proved on every ready replica before anything is compared.
/// 6. Then an attempt is started, with the addresses of the pods of now.
pub fn decide(observed: &Observed, now: Timestamp) -> EvaluationPlan {
    let evaluation = &observed.evaluation;
    let mut status = evaluation.status.clone().unwrap_or_default();
    if status.phase.is_finished() {
        return Plan::rest(status);
    }
    let held = evaluation.spec.suspend;
    status.start_time = Some(lifecycle::start(status.start_time, &status.conditions, held, now));
    let mut actions = Vec::new();
    let stand = stand(observed, &mut status, &mut actions, now);
    if matches!(stand, Stand::Judged) {
        actions.extend(record::of_evaluation(evaluation, &status).map(EvaluationAction::Record));
    }
    let mut notices: Vec<Notice> = ended(&stand, &status).into_iter().collect();
    if actions.iter().any(|action| matches!(action, EvaluationAction::CreateJob(_))) {
        let message = format!(
            "attempt {} on {} servers and {} sandbox pods",
            status.attempts,
            observed.replicas.len(),
            observed.sandboxes.len()
        );
        notices.push(Notice::normal("EvaluatorStarted", message));
    }
    let over = matches!(stand, Stand::Judged | Stand::Failed(..));
    describe(&mut status, evaluation, &stand, now);
    // Its Job and its pods change while nobody tells of it; of the end of a hold the watch tells.
    let soon = if held { Duration::MAX } else { Duration::from_secs(2) };
    let look_again = (!over).then(|| observed.settings.poll.min(soon));
    Plan { actions, status, notices, look_again }
}

fn stand(
    observed: &Observed,
    status: &mut EvaluationStatus,
    actions: &mut Vec<EvaluationAction>,
    now: Timestamp,
) -> Stand {
    if status.verdict.is_some() {
        return Stand::Judged;
    }
    let spec = &observed.evaluation.spec;
    if spec.suspend {
        // Without its name, that it is gone is no failure.
        actions.extend(status.job_name.take().map(EvaluationAction::DeleteJob));
        return Stand::Suspended;
    }
    let waited = status.start_time.map_or(0, |start| now.as_second() - start.as_second());
    if waited > spec.active_deadline_seconds {
        actions.extend(status.job_name.clone().map(EvaluationAction::DeleteJob));
        return Stand::Failed(Reason::DeadlineExceeded, format!("no verdict after {waited} s"));
    }
    if observed.job == JobState::Foreign {
        let name = status.job_name.as_deref().unwrap_or_default();
        let words = format!("Job {name} belongs to another object; delete it, or wait until it is collected");
        return Stand::Working(Reason::NameTaken, words, false);
    }
    if let Some(failed) = after_failure(observed, status, now) {
        return failed;
    }
    let Some(served) = observed.served_model.as_deref() else {
        let words = format!("there is no GenesisModel {}; create it, or set spec.servedModelName", spec.model_ref.name);
        return Stand::Working(Reason::WaitingForPods, words, false);
    };
    // While the Job works, replicas that restart are given the adapters again.
    let wanted = adapters(&observed.evaluation);
    let loads = wanted.iter().flat_map(|adapter| load_where_missing(&observed.replicas, served, adapter));
    actions.extend(loads.map(EvaluationAction::Adapter));
    if matches!(observed.job, JobState::Active { .. }) {
        return Stand::Working(Reason::JobRunning, progress(status), true);
    }
    if observed.replicas.is_empty() || observed.sandboxes.is_empty() {
        let words =
            format!("{} serving and {} sandbox pods are ready", observed.replicas.len(), observed.sandboxes.len());
        return Stand::Working(Reason::WaitingForPods, words, false);
    }
    for adapter in &wanted {
        let name = adapter.served_name(served);
        match standing(&observed.replicas, &name) {
            Standing::ProvedOnAll => {}
            Standing::Disproved(why) => return Stand::Failed(Reason::InputInvalid, format!("{name}: {why}")),
            Standing::NoReplica | Standing::Underway(_)
                if waited > LOAD_PATIENCE_SECONDS && refusal(&observed.replicas, &name).is_some() =>
            {
                let why = refusal(&observed.replicas, &name).unwrap_or_default();
                return Stand::Failed(Reason::InputInvalid, format!("{name}: {why}"));
            }
            Standing::NoReplica => {
                return Stand::Working(Reason::WaitingForPods, "no replica is ready".to_owned(), false);
            }
            Standing::Underway(why) => return Stand::Working(Reason::LoadingAdapters, format!("{name}: {why}"), false),
        }
    }
    if let Some(pause) = pause_left(status, now) {
        return Stand::Working(Reason::JobRunning, format!("the next attempt begins in {pause} s"), false);
    }
    status.attempts += 1;
    let job = job::build(observed, served, status.attempts, spec.active_deadline_seconds - waited);
    status.job_name.clone_from(&job.metadata.name);
    actions.push(EvaluationAction::CreateJob(Box::new(job)));
    Stand::Working(Reason::JobRunning, "the evaluator is being started".to_owned(), true)
}

/// Counts an attempt that failed, once: its Job is forgotten in the same write. Attempts that were ended by a hold are
/// none of them.
fn after_failure(observed: &Observed, status: &mut EvaluationStatus, now: Timestamp) -> Option<Stand> {
    let job = status.job_name.clone()?;
    let (reason, message) = match &observed.job {
        JobState::Failed { reason, message, .. } => ("EvaluatorFailed", format!("{reason}: {message}")),
        JobState::Complete => ("EvaluatorFailed", "the evaluator ended well without telling of a verdict".to_owned()),
        JobState::Absent => ("JobLost", format!("Job {job} is gone, and nobody saw its end")),
        JobState::Foreign | JobState::Active { .. } => return None,
    };
    status.job_name = None;
    status.failed_attempts = status.failed_attempts.saturating_add(1);
    // What the evaluator told of itself explains more; a pod that was killed has told nothing.
    let told = status.last_failure.take().filter(|failure| failure.time >= status.start_time);
    let told = told.unwrap_or_else(|| failure(reason, &message, true, now));
    status.last_failure = Some(genesis_api::training_run::JobFailure { time: Some(now), ..told });
    let told = status.last_failure.as_ref()?;
    if !told.retriable {
        return Some(Stand::Failed(Reason::InputInvalid, format!("{}: {}", told.reason, told.message)));
    }
    let limit = observed.evaluation.spec.backoff_limit;
    (status.failed_attempts > limit).then(|| {
        let words =
            format!("{} attempts failed; the last one: {}: {}", status.failed_attempts, told.reason, told.message);
        Stand::Failed(Reason::BackoffLimitExceeded, words)
    })
}

/// Seconds until the next attempt may begin, if it may not yet.
fn pause_left(status: &EvaluationStatus, now: Timestamp) -> Option<i64> {
    let failures = u32::try_from(status.failed_attempts).ok().filter(|failures| *failures > 0)?;
    let since = now.as_second() - status.last_failure.as_ref()?.time?.as_second();
    let pause = FIRST_BACKOFF_SECONDS.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_BACKOFF_SECONDS);
    (since < pause).then_some(pause - since)
}

fn progress(status: &EvaluationStatus) -> String {
    status.progress.as_ref().map_or_else(
        || "the evaluator has told of nothing yet".to_owned(),
        |told| format!("{} of {} answers", told.current_step, told.total_steps),
    )
}

fn ended(stand: &Stand, status: &EvaluationStatus) -> Option<Notice> {
    match stand {
        Stand::Judged => {
            let verdict = status.verdict.map_or_else(String::new, |verdict| format!("{verdict}"));
            Some(Notice::normal("Judged", format!("{verdict}: {}", status.message)))
        }
        Stand::Failed(reason, message) => Some(Notice::warning("EvaluationFailed", format!("{reason}: {message}"))),
        Stand::Suspended | Stand::Working(..) => None,
    }
}

#[cfg(test)]
mod tests;
