//! What an evaluator tells, written into the status. Pure: the server stores the result before it answers.

use genesis_api::evaluation::EvaluationStatus;
use genesis_api::genesis_model::GateSpec;
use genesis_core::wire::JobEvent;
use jiff::Timestamp;

use super::conclude::conclude;
use crate::training_run::event::{Rejected, failure, progress, signed};

/// Writes one event down. Telling it again changes nothing that matters.
pub fn apply(status: &mut EvaluationStatus, gate: &GateSpec, event: &JobEvent, now: Timestamp) -> Result<(), Rejected> {
    if matches!(event, JobEvent::Trained { .. } | JobEvent::Checkpoint { .. } | JobEvent::CheckpointUnusable { .. }) {
        return Err(Rejected::WrongKind("Evaluation"));
    }
    // The first verdict stands: a second draw of the dice is no better evidence. Only an answer that got lost is given
    // again; whatever else arrives late changes nothing.
    let known = status.report.as_ref();
    if let JobEvent::Evaluated { report, .. } = event
        && let Some(known) = known
    {
        let again = known.digest == report.digest;
        return if again { Ok(()) } else { Err(Rejected::OtherResult(known.digest.to_string())) };
    }
    if status.phase.is_finished() || status.verdict.is_some() {
        return Err(Rejected::HasEnded);
    }
    match event {
        JobEvent::Evaluated { report, summary } => conclude(status, gate, summary, report),
        JobEvent::Trained { .. } | JobEvent::Checkpoint { .. } | JobEvent::CheckpointUnusable { .. } => {}
        JobEvent::Started { total_steps, resumed_from } => {
            let told = status.progress.get_or_insert_default();
            told.last_updated_time = Some(now);
            progress(told, *resumed_from, *total_steps);
        }
        JobEvent::Progress { step, total_steps, eta_seconds, .. } => {
            let told = status.progress.get_or_insert_default();
            told.last_updated_time = Some(now);
            told.estimated_remaining_seconds = eta_seconds.map(signed);
            // Events may overtake one another; progress does not go back.
            let step = (*step).max(told.current_step.unsigned_abs().min(*total_steps));
            progress(told, step, *total_steps);
        }
        JobEvent::Failed { reason, message, retriable } => {
            status.last_failure = Some(failure(reason, message, *retriable, now));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use genesis_api::Decimal;
    use genesis_api::evaluation::EvaluationPhase;
    use genesis_core::Digest;
    use genesis_core::promotion::Verdict;
    use genesis_core::wire::ArtifactRef;

    use super::*;
    use crate::evaluation::testing::evaluated;

    #[test]
    fn the_verdict_is_written_with_its_numbers_and_the_first_one_stands() {
        let mut status = EvaluationStatus::default();
        apply(&mut status, &GateSpec::default(), &evaluated(0.3, "r"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(status.verdict, Some(Verdict::Pass));
        assert_eq!(status.verdict_reason.as_deref(), Some("ImprovementMet"));
        let result = &status.results[0];
        assert_eq!((result.baseline.as_str(), result.candidate.as_str()), ("0.5000", "0.8000"));
        assert_eq!(result.delta.as_ref().map(Decimal::as_str), Some("0.3000"));

        let once = status.clone();
        apply(&mut status, &GateSpec::default(), &evaluated(0.3, "r"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(status, once);
        let second = apply(&mut status, &GateSpec::default(), &evaluated(-0.3, "other"), Timestamp::UNIX_EPOCH);
        assert!(matches!(second, Err(Rejected::OtherResult(_))));
        assert_eq!(status, once);
    }

    #[test]
    fn a_verdict_that_comes_after_the_end_is_refused() {
        let mut failed = EvaluationStatus { phase: EvaluationPhase::Failed, ..EvaluationStatus::default() };
        let before = failed.clone();
        let late = apply(&mut failed, &GateSpec::default(), &evaluated(0.3, "late"), Timestamp::UNIX_EPOCH);
        assert_eq!((late, failed), (Err(Rejected::HasEnded), before));
    }

    #[test]
    fn nothing_counted_is_inconclusive() {
        let mut status = EvaluationStatus::default();
        let report = ArtifactRef { uri: "file:///r".into(), digest: Digest::of_bytes(b"r") };
        let event = JobEvent::Evaluated { report, summary: Box::default() };
        apply(&mut status, &GateSpec::default(), &event, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(status.verdict, Some(Verdict::Inconclusive));
    }
}
