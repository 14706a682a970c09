use genesis_api::Evaluation;
use genesis_api::conditions::{ConditionStatus, ConditionType, Conditions, EvaluationReason as Reason, find};
use genesis_api::evaluation::{EvaluationPhase, EvaluationStatus};
use genesis_core::promotion::Verdict;
use jiff::Timestamp;

use super::Stand;
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
    let held_before =
        find(&status.conditions, ConditionType::Suspended).is_some_and(|condition| condition.reason != "NotSuspended");
    let verdict = passed(status);
    let message = status.message.clone();
    let mut conditions = Conditions::edit(&mut status.conditions, evaluation.metadata.generation, now);
    match stand {
        Stand::Suspended => conditions.set(ConditionType::Suspended, true, Reason::Suspended, message.clone()),
        _ if held_before => conditions.set(ConditionType::Suspended, false, Reason::Resumed, ""),
        _ => conditions.set(ConditionType::Suspended, false, Reason::NotSuspended, ""),
    }
    match stand {
        Stand::Judged => {
            conditions.set(ConditionType::Complete, true, Reason::Judged, "");
            conditions.set(ConditionType::Failed, false, Reason::NotFailed, "");
            let (holds, reason) = verdict;
            conditions.set(ConditionType::Passed, holds, reason, message);
        }
        Stand::Failed(reason, why) => {
            conditions.set(ConditionType::Complete, false, Reason::HasFailed, "");
            conditions.set(ConditionType::Failed, true, *reason, why.clone());
            conditions.set(ConditionType::Passed, ConditionStatus::Unknown, Reason::HasFailed, "");
        }
        Stand::Suspended | Stand::Working(..) => {
            conditions.set(ConditionType::Complete, false, Reason::InProgress, "");
            conditions.set(ConditionType::Failed, false, Reason::NotFailed, "");
            conditions.set(ConditionType::Passed, ConditionStatus::Unknown, Reason::InProgress, "");
        }
    }
    conditions.set_or_clear(ConditionType::Reconciling, reconciling);
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
