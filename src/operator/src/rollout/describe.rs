use genesis_api::Rollout;
use genesis_api::conditions::{ConditionType, Conditions, RolloutReason as Reason};
use genesis_api::rollout::{CompletionStatus, RolloutPhase, RolloutStatus};
use jiff::Timestamp;

use super::decide::Stand;
use crate::plan::shortened;

/// Writes where a rollout stands into its status.
pub(super) fn describe(status: &mut RolloutStatus, rollout: &Rollout, stand: &Stand, now: Timestamp) {
    status.observed_generation = rollout.metadata.generation;
    let (phase, message) = match stand {
        Stand::Stalled(_, why) | Stand::Waiting(_, why) => (RolloutPhase::Pending, why.clone()),
        Stand::Stepping(_, why) => (RolloutPhase::Progressing, why.clone()),
        Stand::Paused(_, why) => (RolloutPhase::Paused, why.clone()),
        Stand::Promoting(late) => (RolloutPhase::Promoting, late.clone().unwrap_or_else(|| status.message.clone())),
        Stand::GivingBack(_, why) => (RolloutPhase::RollingBack, why.clone()),
        Stand::Ended(CompletionStatus::Promoted, why) => (RolloutPhase::Promoted, why.clone()),
        Stand::Ended(_, why) => (RolloutPhase::Ended, why.clone()),
    };
    status.phase = phase;
    status.message = shortened(&message);

    let ending_reason = status.ending_reason.clone();
    let completion = status.completion_status;
    let promoting = status.ending_as == Some(CompletionStatus::Promoted);
    let mut conditions = Conditions::edit(&mut status.conditions, rollout.metadata.generation, now);
    let (progressing, reason) = match stand {
        Stand::Waiting(reason, _) | Stand::Stepping(reason, _) | Stand::GivingBack(reason, _) => (true, *reason),
        Stand::Promoting(None) => (true, Reason::Promoting),
        Stand::Promoting(Some(_)) => (false, Reason::ProgressDeadlineExceeded),
        Stand::Stalled(reason, _) | Stand::Paused(reason, _) => (false, *reason),
        Stand::Ended(..) => (false, Reason::Finished),
    };
    conditions.set(ConditionType::Progressing, progressing, reason, message.clone());
    match stand {
        Stand::Paused(reason, why) => conditions.set(ConditionType::Paused, true, *reason, why.clone()),
        _ => conditions.set(ConditionType::Paused, false, Reason::NotPaused, ""),
    }
    let promoted = promoting && completion.is_none_or(|end| end == CompletionStatus::Promoted);
    let reason = match ending_reason.as_deref() {
        Some("RequestedPromotion") => Reason::RequestedPromotion,
        _ => Reason::StepsCompleted,
    };
    conditions.set(ConditionType::Promoted, promoted, if promoted { reason } else { Reason::NotPromoted }, "");
    let completed = matches!(stand, Stand::Ended(..));
    let reason = if completed { Reason::Finished } else { reason_of(stand) };
    conditions.set(
        ConditionType::Completed,
        completed,
        reason,
        completion.map_or_else(String::new, |end| end.to_string()),
    );
    let under_way =
        matches!(stand, Stand::Waiting(..) | Stand::Stepping(..) | Stand::Promoting(None) | Stand::GivingBack(..));
    conditions.set_or_clear(ConditionType::Reconciling, under_way.then(|| (reason_of(stand).into(), message.clone())));
    let stalled = matches!(stand, Stand::Stalled(..) | Stand::Promoting(Some(_)));
    conditions.set_or_clear(ConditionType::Stalled, stalled.then(|| (reason_of(stand).into(), message)));
}

fn reason_of(stand: &Stand) -> Reason {
    match stand {
        Stand::Stalled(reason, _)
        | Stand::Waiting(reason, _)
        | Stand::Stepping(reason, _)
        | Stand::Paused(reason, _)
        | Stand::GivingBack(reason, _) => *reason,
        Stand::Promoting(None) => Reason::Promoting,
        Stand::Promoting(Some(_)) => Reason::ProgressDeadlineExceeded,
        Stand::Ended(..) => Reason::Finished,
    }
}
