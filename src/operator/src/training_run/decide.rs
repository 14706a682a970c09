//! What to do about a run. Pure.

mod describe;

use genesis_api::TrainingRun;
use genesis_api::conditions::{ConditionType, Conditions, TrainingRunReason as Reason};
use genesis_api::names::training_job_name;
use genesis_api::training_run::{DatasetStatus, TrainingRunStatus};
use genesis_core::wire::DatasetRequest;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use std::time::Duration;

use self::describe::describe;
use super::event::failure;
use super::job;
use super::observe::{Observed, Verification};
use crate::jobs::JobState;
use crate::lifecycle;
use crate::plan::{Notice, Plan, shortened};
use crate::record::{self, Record};

/// A plan for a run.
pub type RunPlan = Plan<TrainingRunStatus, RunAction>;

/// What can be done for a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunAction {
    /// Ask the gateway for the dataset of this run. Asking again gives the same.
    FreezeDataset(DatasetRequest),
    /// Start the trainer.
    CreateJob(Box<Job>),
    /// Stop its pods, or let them go on.
    SuspendJob(bool),
    /// Tell the ledger of the adapter.
    Record(Record),
}

/// Where a run stands.
pub(super) enum Verdict {
    Complete,
    Failed(Reason, String),
    Suspended,
    Working(Reason, String),
    Stalled(Reason, String),
}

/// 1. A run that has ended stays as it is, whatever becomes of its Job.
/// 2. An adapter that was told of and verified completes it; one that is not what was told of fails it.
/// 3. A Job that gave up, or ended without an adapter, fails it. One that is gone is a failure that counts.
/// 4. So does its deadline, which does not run while it is held.
/// 5. Its dataset is frozen at once, held or not: what it learns from does not depend on when it goes on.
/// 6. While it is held, its pods are stopped; otherwise it gets its Job, and then its time.
pub fn decide(observed: &Observed, now: Timestamp) -> RunPlan {
    let run = &observed.run;
    let mut status = run.status.clone().unwrap_or_default();
    if status.phase.is_finished() {
        return Plan::rest(status);
    }
    status.start_time = Some(lifecycle::start(status.start_time, &status.conditions, run.spec.suspend, now));
    status.attempts_count_towards_limit = observed.job.failures().max(status.attempts_count_towards_limit);
    if status.dataset.is_none() {
        status.dataset = given(run);
    }
    let mut actions = Vec::new();
    let verdict = stand(observed, &mut status, &mut actions, now);
    let mut notices = Vec::new();
    if matches!(actions.as_slice(), [RunAction::CreateJob(_)]) {
        notices.push(Notice::normal("TrainerStarted", format!("Job {}", training_job_name(&run.name_any()))));
    }
    if matches!(verdict, Verdict::Complete) {
        actions.extend(record::of_run(run, &status).map(RunAction::Record));
    }
    notices.extend(ended(&verdict));
    let over = matches!(verdict, Verdict::Complete | Verdict::Failed(..));
    describe(&mut status, run, &verdict, now);
    // Events of the Job and of the trainer wake the reconciler; the poll is for what tells of nothing.
    Plan {
        actions,
        status,
        notices,
        look_again: (!over).then(|| observed.settings.poll.max(Duration::from_millis(500))),
    }
}

fn stand(observed: &Observed, status: &mut TrainingRunStatus, actions: &mut Vec<RunAction>, now: Timestamp) -> Verdict {
    let run = &observed.run;
    match &observed.verified {
        Some(Verification::Right) => return Verdict::Complete,
        Some(Verification::Wrong(why)) => return Verdict::Failed(Reason::AdapterCorrupt, why.clone()),
        Some(Verification::Unreadable(why)) => return Verdict::Working(Reason::StorageUnreachable, why.clone()),
        None => {}
    }
    match &observed.job {
        JobState::Failed { reason, message, .. } => return job_failed(status, reason, message),
        JobState::Complete => {
            let words = "the trainer ended well without telling of an adapter; look at the log of its pod";
            return Verdict::Failed(Reason::AdapterMissing, words.to_owned());
        }
        JobState::Foreign => {
            let name = training_job_name(&run.name_any());
            let words = format!("Job {name} belongs to another object; delete it, or wait until it is collected");
            return Verdict::Stalled(Reason::NameTaken, words);
        }
        JobState::Absent if status.job_name.is_some() => return job_lost(run, status, now),
        JobState::Absent | JobState::Active { .. } => {}
    }
    let waited = status.start_time.map_or(0, |start| now.as_second() - start.as_second());
    if waited > run.spec.active_deadline_seconds && !run.spec.suspend {
        // The Job is stopped and stays: what its pods wrote can be read.
        actions.extend(matches!(observed.job, JobState::Active { .. }).then_some(RunAction::SuspendJob(true)));
        return Verdict::Failed(Reason::DeadlineExceeded, format!("no adapter after {waited} s"));
    }
    let Some(dataset) = status.dataset.clone() else { return without_dataset(observed, actions) };
    match (run.spec.suspend, &observed.job) {
        (true, JobState::Active { suspended, .. }) => {
            if !suspended {
                actions.push(RunAction::SuspendJob(true));
            }
            Verdict::Suspended
        }
        (true, _) => Verdict::Suspended,
        (false, JobState::Active { suspended, .. }) => {
            if *suspended {
                actions.push(RunAction::SuspendJob(false));
            }
            Verdict::Working(Reason::JobRunning, progress(status))
        }
        (false, _) => {
            let (failures, seconds_left) =
                (status.attempts_count_towards_limit, run.spec.active_deadline_seconds - waited);
            let job = job::build(run, &dataset, &observed.settings, failures, seconds_left);
            status.job_name.clone_from(&job.metadata.name);
            actions.push(RunAction::CreateJob(Box::new(job)));
            Verdict::Working(Reason::JobRunning, "the trainer is being started".to_owned())
        }
    }
}

/// Someone deleted the Job: nobody knows how it ended. That counts, and is written down before another one is made.
fn job_lost(run: &TrainingRun, status: &mut TrainingRunStatus, now: Timestamp) -> Verdict {
    let name = status.job_name.take().unwrap_or_default();
    let why = format!("Job {name} is gone, and nobody saw its end");
    status.attempts_count_towards_limit = status.attempts_count_towards_limit.saturating_add(1);
    status.last_failure = Some(failure("JobLost", &why, true, now));
    if status.attempts_count_towards_limit > run.spec.backoff_limit {
        return Verdict::Failed(Reason::JobLost, why);
    }
    Verdict::Working(Reason::JobLost, why)
}

/// Asks the gateway for a dataset.
fn without_dataset(observed: &Observed, actions: &mut Vec<RunAction>) -> Verdict {
    if !observed.has_gateway {
        let words = "spec.dataset names no file, and the operator was started without a gateway to freeze one";
        return Verdict::Stalled(Reason::NoGateway, words.to_owned());
    }
    actions.push(RunAction::FreezeDataset(request(&observed.run)));
    Verdict::Working(Reason::FreezingDataset, "the gateway freezes a dataset".to_owned())
}

/// The dataset that the spec names.
fn given(run: &TrainingRun) -> Option<DatasetStatus> {
    let dataset = &run.spec.dataset;
    let (uri, digest) = (dataset.uri.clone()?, dataset.digest.clone()?);
    Some(DatasetStatus { uri, digest, rows: None, tasks: None, watermark: None })
}

fn request(run: &TrainingRun) -> DatasetRequest {
    let dataset = &run.spec.dataset;
    DatasetRequest {
        name: run.name_any(),
        uid: run.uid().unwrap_or_default(),
        recipe: dataset.recipe,
        seed: dataset.seed.unsigned_abs(),
        max_per_task: dataset.max_per_task.unsigned_abs(),
        watermark: dataset.watermark.map(i64::unsigned_abs),
    }
}

/// What the trainer said last explains more than what the Job's controller counted.
fn job_failed(status: &TrainingRunStatus, reason: &str, message: &str) -> Verdict {
    let told = status.last_failure.as_ref();
    let reason = match (told.map(|failure| failure.reason.as_str()), reason) {
        (_, "DeadlineExceeded") => Reason::DeadlineExceeded,
        (Some("DatasetInvalid"), _) => Reason::DatasetInvalid,
        (Some("BaseModelInvalid"), _) => Reason::BaseModelInvalid,
        (Some("RecipeInvalid"), _) => Reason::RecipeInvalid,
        (Some("Diverged"), _) => Reason::Diverged,
        (Some("OutOfMemory"), _) => Reason::OutOfMemory,
        (Some("AdapterUploadFailed"), _) => Reason::AdapterUploadFailed,
        (_, "BackoffLimitExceeded") => Reason::BackoffLimitExceeded,
        _ => Reason::TrainerFailed,
    };
    let message = told.map_or_else(|| message.to_owned(), |failure| format!("{message}: {}", failure.message));
    Verdict::Failed(reason, message)
}

fn progress(status: &TrainingRunStatus) -> String {
    let Some(told) = &status.trainer_status else { return "the trainer has told of nothing yet".to_owned() };
    let loss = told.metrics.iter().find(|metric| metric.name == "loss");
    let loss = loss.map_or_else(String::new, |loss| format!(", loss {}", loss.value.as_str()));
    format!("step {} of {}{loss}", told.current_step, told.total_steps)
}

/// Says in the status why the gateway froze nothing. It is asked again.
pub(super) fn freeze_failed(status: &mut TrainingRunStatus, run: &TrainingRun, why: &str, now: Timestamp) {
    let message = format!("the gateway froze no dataset: {why}");
    status.message = shortened(&message);
    let reason = Some((Reason::GatewayUnreachable.into(), message));
    Conditions::edit(&mut status.conditions, run.metadata.generation, now)
        .set_or_clear(ConditionType::Reconciling, reason);
}

fn ended(verdict: &Verdict) -> Option<Notice> {
    match verdict {
        Verdict::Complete => {
            Some(Notice::normal("TrainingCompleted", "the adapter is in the store, and its digest is right"))
        }
        Verdict::Failed(reason, message) => Some(Notice::warning("TrainingFailed", format!("{reason}: {message}"))),
        Verdict::Suspended | Verdict::Working(..) | Verdict::Stalled(..) => None,
    }
}

#[cfg(test)]
mod tests;
