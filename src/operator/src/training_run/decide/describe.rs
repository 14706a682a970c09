use genesis_api::TrainingRun;
use genesis_api::conditions::{ConditionType, Conditions, TrainingRunReason as Reason};
use genesis_api::training_run::{TrainingPhase, TrainingRunStatus};
use jiff::Timestamp;

use super::Verdict;
use crate::lifecycle::{self, Course};
use crate::plan::shortened;

/// Writes the verdict into the status.
pub(super) fn describe(status: &mut TrainingRunStatus, run: &TrainingRun, verdict: &Verdict, now: Timestamp) {
    status.observed_generation = run.metadata.generation;
    let (phase, message, reconciling, stalled) = match verdict {
        Verdict::Complete => (TrainingPhase::Complete, completed(status), None, None),
        Verdict::Failed(reason, why) => (TrainingPhase::Failed, format!("{reason}: {why}"), None, None),
        Verdict::Suspended => (TrainingPhase::Suspended, "spec.suspend holds it".to_owned(), None, None),
        Verdict::Working(reason, why) => {
            let phase = if *reason == Reason::JobRunning { TrainingPhase::Running } else { TrainingPhase::Pending };
            (phase, why.clone(), Some(((*reason).into(), why.clone())), None)
        }
        Verdict::Stalled(reason, why) => {
            (TrainingPhase::Pending, why.clone(), None, Some(((*reason).into(), why.clone())))
        }
    };
    status.phase = phase;
    status.message = shortened(&message);
    if phase.is_finished() {
        status.completion_time = Some(now);
        status.duration = status.start_time.map(|start| format!("{}s", now.as_second() - start.as_second()));
    }
    let course = match verdict {
        Verdict::Complete => Course::Complete(Reason::AdapterVerified.into(), &message),
        Verdict::Failed(reason, why) => Course::Failed((*reason).into(), why),
        Verdict::Suspended => Course::Held(&message),
        Verdict::Working(..) | Verdict::Stalled(..) => Course::UnderWay,
    };
    lifecycle::describe(&mut status.conditions, run.metadata.generation, &course, now);
    let mut conditions = Conditions::edit(&mut status.conditions, run.metadata.generation, now);
    conditions.set_or_clear(ConditionType::Reconciling, reconciling);
    conditions.set_or_clear(ConditionType::Stalled, stalled);
}

fn completed(status: &TrainingRunStatus) -> String {
    let metric = |name: &str| {
        let metrics = status.trainer_status.as_ref().map(|told| told.metrics.as_slice()).unwrap_or_default();
        metrics.iter().find(|metric| metric.name == name).map_or("?", |metric| metric.value.as_str()).to_owned()
    };
    let adapter = status.adapter.as_ref().map_or("?", |adapter| adapter.adapter.digest.short());
    let rows = status.dataset.as_ref().and_then(|dataset| dataset.rows);
    let rows = rows.map_or_else(String::new, |rows| format!(" on {rows} rows"));
    format!("adapter {adapter}{rows}: loss {} to {}", metric("first_loss"), metric("last_loss"))
}
