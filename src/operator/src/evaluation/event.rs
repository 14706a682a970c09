//! What an evaluator tells, written into the status. Pure: the server stores the result before it answers.

use genesis_api::evaluation::EvaluationStatus;
use genesis_api::genesis_model::GateSpec;
use genesis_core::wire::JobEvent;
use jiff::Timestamp;

use super::conclude::conclude;
use crate::training_run::event::{Rejected, failure, progress, signed};

/// Writes one event down. Telling it again changes nothing that matters.
pub fn apply(status: &mut EvaluationStatus, gate: &GateSpec, event: &JobEvent, now: Timestamp) -> Result<(), Rejected> {
    match event {
        JobEvent::Trained { .. } | JobEvent::Checkpoint { .. } | JobEvent::CheckpointUnusable { .. } => {
            return Err(Rejected::WrongKind("Evaluation"));
        }
        JobEvent::Evaluated { report, summary } => {
            if let Some(known) = &status.report {
                // The first verdict stands: a second draw of the dice is no better evidence.
                return if known.digest == report.digest {
                    Ok(())
                } else {
                    Err(Rejected::OtherResult(known.digest.to_string()))
                };
            }
            conclude(status, gate, summary, report);
        }
        // What arrives late, from a pod that is being stopped, changes nothing any more.
        _ if status.phase.is_finished() || status.verdict.is_some() => {}
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
    use genesis_core::Digest;
    use genesis_core::promotion::{EvaluationSummary, SuiteSummary, Verdict};
    use genesis_core::wire::ArtifactRef;

    use super::*;

    fn evaluated(gain: f64, content: &[u8]) -> JobEvent {
        let suite = SuiteSummary {
            suite: "sealed".into(),
            tasks: 180,
            families: 60,
            samples: 8,
            infra: 0,
            baseline_pass1: 0.5,
            candidate_pass1: 0.5 + gain,
            baseline_pass8: 0.9,
            candidate_pass8: 0.9,
            pass1_by_family: vec![(3.0 * gain, 3); 60],
            pass8_by_family: vec![(0.0, 3); 60],
        };
        let summary =
            EvaluationSummary { suites: vec![suite], executions: 1440, seed: 1, ..EvaluationSummary::default() };
        let report = ArtifactRef { uri: "file:///store/reports/r".into(), digest: Digest::of_bytes(content) };
        JobEvent::Evaluated { report, summary: Box::new(summary) }
    }

    #[test]
    fn the_verdict_is_written_with_its_numbers_and_the_first_one_stands() {
        let mut status = EvaluationStatus::default();
        apply(&mut status, &GateSpec::default(), &evaluated(0.3, b"r"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(status.verdict, Some(Verdict::Pass));
        assert_eq!(status.verdict_reason.as_deref(), Some("ImprovementMet"));
        let result = &status.results[0];
        assert_eq!((result.baseline.as_str(), result.candidate.as_str()), ("0.5000", "0.8000"));
        assert_eq!(result.delta.as_ref().map(Decimal::as_str), Some("0.3000"));

        let once = status.clone();
        apply(&mut status, &GateSpec::default(), &evaluated(0.3, b"r"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(status, once);
        let second = apply(&mut status, &GateSpec::default(), &evaluated(-0.3, b"other"), Timestamp::UNIX_EPOCH);
        assert!(matches!(second, Err(Rejected::OtherResult(_))));
        assert_eq!(status, once);
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
