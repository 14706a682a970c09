//! What a trainer tells, written into the status. Pure: the server stores the result before it answers.

use genesis_api::training_run::{
    Checkpoint, JobFailure, Metric, TrainedAdapter, TrainerStatus, TrainingPhase, TrainingRunStatus,
};
use genesis_api::{AdapterReference, Decimal};
use genesis_core::wire::JobEvent;
use jiff::Timestamp;

use crate::plan::shortened;

/// Why an event is not taken. The Job must not tell it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is for another kind of Job.
    #[error("a {0} takes no such event")]
    WrongKind(&'static str),
    /// Another result is written down already.
    #[error("another result is written down already: {0}")]
    OtherResult(String),
    /// The object has ended: nothing is written down any more.
    #[error("it has ended already")]
    HasEnded,
}

/// Digits after the point of a metric.
const DIGITS: usize = 6;

/// Writes one event down. Telling it again changes nothing that matters.
pub fn apply(status: &mut TrainingRunStatus, event: &JobEvent, now: Timestamp) -> Result<(), Rejected> {
    if matches!(event, JobEvent::Evaluated { .. }) {
        return Err(Rejected::WrongKind("TrainingRun"));
    }
    // What arrives late, from a pod that is being stopped, changes nothing any more. Only an answer that got lost is
    // given again.
    if status.phase.is_finished() {
        let known = status.adapter.as_ref().filter(|_| status.phase == TrainingPhase::Complete);
        let again = matches!(event, JobEvent::Trained { adapter, .. }
            if known.is_some_and(|known| known.adapter.digest == adapter.digest));
        return if again { Ok(()) } else { Err(Rejected::HasEnded) };
    }
    match event {
        JobEvent::Trained { adapter, rank, size_bytes, first_loss, last_loss, steps } => {
            let adapter = AdapterReference::from(adapter.clone());
            if let Some(known) = status.adapter.as_ref().filter(|known| known.adapter.digest != adapter.digest) {
                return Err(Rejected::OtherResult(known.adapter.digest.to_string()));
            }
            status.adapter = Some(TrainedAdapter {
                adapter,
                rank: signed(u64::from(*rank)) as i32,
                size_bytes: signed(*size_bytes),
            });
            let told = told(status, now);
            (told.progress_percentage, told.estimated_remaining_seconds) = (100, Some(0));
            (told.current_step, told.total_steps) = (signed(*steps), signed(*steps));
            set_metric(told, "first_loss", *first_loss);
            set_metric(told, "last_loss", *last_loss);
        }
        JobEvent::Evaluated { .. } => {}
        JobEvent::Started { total_steps, resumed_from } => {
            status.attempts = status.attempts.saturating_add(1);
            status.resumed_from_step = Some(signed(*resumed_from)).filter(|step| *step > 0);
            progress(told(status, now), *resumed_from, *total_steps);
        }
        JobEvent::Progress { step, total_steps, loss, learning_rate, tokens_per_second, eta_seconds } => {
            let told = told(status, now);
            progress(told, *step, *total_steps);
            told.estimated_remaining_seconds = eta_seconds.map(signed);
            let metrics = [("loss", loss), ("learning_rate", learning_rate), ("tokens_per_second", tokens_per_second)];
            for (name, value) in metrics {
                if let Some(value) = value {
                    set_metric(told, name, *value);
                }
            }
        }
        JobEvent::Checkpoint { step, checkpoint } => {
            let (uri, digest) = (checkpoint.uri.clone(), checkpoint.digest.clone());
            status.last_checkpoint = Some(Checkpoint { step: signed(*step), uri, digest, time: Some(now) });
        }
        JobEvent::CheckpointUnusable { uri, message } => {
            let message = format!("checkpoint {uri} cannot be used, an earlier state is taken instead: {message}");
            status.last_failure = Some(failure("CheckpointUnusable", &message, true, now));
        }
        JobEvent::Failed { reason, message, retriable } => {
            status.last_failure = Some(failure(reason, message, *retriable, now));
        }
    }
    Ok(())
}

/// A failure as it is written down.
pub(crate) fn failure(reason: &str, message: &str, retriable: bool, now: Timestamp) -> JobFailure {
    let reason = reason.chars().take(128).collect();
    JobFailure { reason, message: shortened(message), retriable, time: Some(now) }
}

/// Notes a step.
pub(crate) fn progress(told: &mut TrainerStatus, step: u64, total: u64) {
    (told.current_step, told.total_steps) = (signed(step), signed(total));
    let percent = (step.min(total) * 100).checked_div(total).unwrap_or(0);
    told.progress_percentage = percent as i32;
}

fn told(status: &mut TrainingRunStatus, now: Timestamp) -> &mut TrainerStatus {
    let told = status.trainer_status.get_or_insert_default();
    told.last_updated_time = Some(now);
    told
}

fn set_metric(told: &mut TrainerStatus, name: &str, value: f64) {
    // A loss that is no number is left out: the last good one says more.
    let Some(value) = Decimal::rounded(value, DIGITS) else { return };
    match told.metrics.iter_mut().find(|metric| metric.name == name) {
        Some(metric) => metric.value = value,
        None => told.metrics.push(Metric { name: name.to_owned(), value }),
    }
}

pub(crate) fn signed(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use genesis_core::wire::ArtifactRef;
    use genesis_core::{AdapterRef, Digest};

    use super::*;

    fn trained(content: &[u8]) -> JobEvent {
        let adapter = AdapterRef { uri: "file:///store/adapters/a".into(), digest: Digest::of_bytes(content) };
        JobEvent::Trained { adapter, rank: 8, size_bytes: 10, first_loss: 1.5, last_loss: 0.5, steps: 30 }
    }

    #[test]
    fn a_whole_run_is_written_down_and_repetitions_change_nothing() {
        let mut status = TrainingRunStatus::default();
        let now = Timestamp::UNIX_EPOCH;
        let checkpoint = ArtifactRef { uri: "file:///store/checkpoints/c".into(), digest: Digest::of_bytes(b"c") };
        let events = [
            JobEvent::Started { total_steps: 30, resumed_from: 0 },
            JobEvent::Progress {
                step: 15,
                total_steps: 30,
                loss: Some(0.75),
                learning_rate: Some(f64::NAN),
                tokens_per_second: None,
                eta_seconds: Some(3),
            },
            JobEvent::Checkpoint { step: 20, checkpoint },
            trained(b"a"),
        ];
        for event in &events {
            apply(&mut status, event, now).unwrap();
        }
        let told = status.trainer_status.clone().unwrap();
        assert_eq!((told.progress_percentage, told.current_step, status.attempts), (100, 30, 1));
        let names: Vec<&str> = told.metrics.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, ["loss", "first_loss", "last_loss"], "a learning rate that is no number is left out");
        let once = status.clone();
        apply(&mut status, &trained(b"a"), now).unwrap();
        assert_eq!(status, once);
    }

    #[test]
    fn what_comes_after_the_end_is_refused() {
        let mut failed = TrainingRunStatus { phase: TrainingPhase::Failed, ..TrainingRunStatus::default() };
        let started = JobEvent::Started { total_steps: 1, resumed_from: 0 };
        for event in [trained(b"a"), started] {
            assert_eq!(apply(&mut failed, &event, Timestamp::UNIX_EPOCH), Err(Rejected::HasEnded));
        }
        assert_eq!((failed.adapter, failed.attempts), (None, 0));
        let mut complete = TrainingRunStatus::default();
        apply(&mut complete, &trained(b"a"), Timestamp::UNIX_EPOCH).unwrap();
        complete.phase = TrainingPhase::Complete;
        assert_eq!(apply(&mut complete, &trained(b"a"), Timestamp::UNIX_EPOCH), Ok(()), "its answer got lost");
        assert_eq!(apply(&mut complete, &trained(b"b"), Timestamp::UNIX_EPOCH), Err(Rejected::HasEnded));
    }

    #[test]
    fn a_second_result_and_another_jobs_event_are_refused() {
        let mut status = TrainingRunStatus::default();
        apply(&mut status, &trained(b"a"), Timestamp::UNIX_EPOCH).unwrap();
        let other = apply(&mut status, &trained(b"b"), Timestamp::UNIX_EPOCH);
        assert!(matches!(other, Err(Rejected::OtherResult(_))));
        let report = ArtifactRef { uri: "file:///r".into(), digest: Digest::of_bytes(b"r") };
        let evaluated = JobEvent::Evaluated { report, summary: Box::default() };
        assert_eq!(apply(&mut status, &evaluated, Timestamp::UNIX_EPOCH), Err(Rejected::WrongKind("TrainingRun")));
    }
}
