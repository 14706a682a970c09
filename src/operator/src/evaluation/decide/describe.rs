use genesis_api::Evaluation;
use genesis_api::conditions::{ConditionStatus, ConditionType, Conditions, EvaluationReason as Reason};
use genesis_api::evaluation::{EvaluationPhase, EvaluationStatus};
use genesis_core::promotion::Verdict;
use jiff::Timestamp;

use super::Stand;
use crate::lifecycle::{self, Course};
use crate::plan::shortened;

/// Writes where an evaluation stands into its status.
pub(super) fn describe(status: &mut EvaluationStatus, evaluation: &Evaluation, stand: &Stand, now: Timestamp) {
    status.observed_generation = evaluation.metadata.generation;
    let mut reconciling = None;
    match stand {
        Stand::Judged => status.phase = EvaluationPhase::Complete,
        Stand::Failed(reason, why) => {
            status.phase = EvaluationPhase::Failed;
            status.message = shortened(&format!("{reason}: {why}"));
        }
        Stand::Suspended => {
            status.phase = EvaluationPhase::Suspended;
            "spec.suspend holds it".clone_into(&mut status.message);
        }
        Stand::Working(reason, why, at_work) => {
            status.phase = match (at_work, reason) {
                (true, _) => EvaluationPhase::Running,
                (false, Reason::LoadingAdapters) => EvaluationPhase::Loading,
                (false, _) => EvaluationPhase::Pending,
            };
            status.message = shortened(why);
            reconciling = Some((<&str>::from(*reason), why.clone()));
        }
    }
    if status.phase.is_finished() {
        status.completion_time = Some(now);
    }
    let (holds, reason) = match stand {
        Stand::Judged => passed(status),
        Stand::Failed(..) => (ConditionStatus::Unknown, Reason::HasFailed),
        Stand::Suspended | Stand::Working(..) => (ConditionStatus::Unknown, Reason::InProgress),
    };
    let course = match stand {
        Stand::Judged => Course::Complete(Reason::Judged.into(), ""),
        Stand::Failed(reason, why) => Course::Failed((*reason).into(), why),
        Stand::Suspended => Course::Held(&status.message),
        Stand::Working(..) => Course::UnderWay,
    };
    lifecycle::describe(&mut status.conditions, evaluation.metadata.generation, &course, now);
    let numbers = if matches!(stand, Stand::Judged) { status.message.clone() } else { String::new() };
    let mut conditions = Conditions::edit(&mut status.conditions, evaluation.metadata.generation, now);
    conditions.set(ConditionType::Passed, holds, reason, numbers);
    conditions.set_or_clear(ConditionType::Reconciling, reconciling);
    conditions.set_or_clear(ConditionType::Stalled, None);
}

/// The condition Passed that a verdict gives. `Inconclusive` is unknown, not true.
fn passed(status: &EvaluationStatus) -> (ConditionStatus, Reason) {
    let reason = match status.verdict_reason.as_deref() {
        Some("ImprovementMet") => Reason::ImprovementMet,
        Some("BelowThreshold") => Reason::BelowThreshold,
        Some("RegressionDetected") => Reason::RegressionDetected,
        _ => Reason::InsufficientSamples,
    };
    let holds = match status.verdict {
        Some(Verdict::Pass) => ConditionStatus::True,
        Some(Verdict::Fail) => ConditionStatus::False,
        Some(Verdict::Inconclusive) | None => ConditionStatus::Unknown,
    };
    (holds, reason)
}
