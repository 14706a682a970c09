use genesis_api::GenesisModel;
use genesis_api::conditions::{ConditionType, ModelReason, find, is_true};
use genesis_api::genesis_model::{CurrentAdapter, GenesisModelStatus, TurnOutcome};

use super::Standing;
use crate::sign::Sign;

/// Ordered: is the status of now, is it broken, does it serve, is it held, what does the loop do.
pub fn of_model(model: &GenesisModel) -> Standing {
    let Some(status) = &model.status else {
        return Standing::new(Sign::Waiting, "New", "no operator has seen it yet");
    };
    if status.observed_generation != model.metadata.generation {
        return Standing::new(Sign::Waiting, "Updating", "the operator has not seen the newest spec yet");
    }
    if let Some(stalled) = find(&status.conditions, ConditionType::Stalled) {
        return Standing::new(Sign::Bad, "Stalled", stalled.message.clone());
    }
    let ready = find(&status.conditions, ConditionType::Ready);
    if !is_true(&status.conditions, ConditionType::Ready) {
        let message = ready.map_or_else(String::new, |ready| ready.message.clone());
        return if model.spec.serving.replicas == 0 {
            Standing::new(Sign::Held, "Scaled to 0", message)
        } else if ready.is_some_and(|ready| ready.reason == <&str>::from(ModelReason::Loading)) {
            Standing::new(Sign::Working, "Loading", message)
        } else {
            Standing::new(Sign::Bad, "Degraded", message)
        };
    }
    let loaded = find(&status.conditions, ConditionType::AdapterLoaded);
    if let Some(loaded) = loaded.filter(|loaded| loaded.reason == <&str>::from(ModelReason::LoadFailed)) {
        return Standing::new(Sign::Bad, "Degraded", format!("the current adapter: {}", loaded.message));
    }
    of_loop(status)
}

/// Why the loop does what it does, as the operator names it.
pub fn loop_reason(status: &GenesisModelStatus) -> Option<(ModelReason, &str)> {
    use ModelReason as Reason;
    let active = find(&status.conditions, ConditionType::LoopActive)?;
    let known = [
        Reason::Idle,
        Reason::Training,
        Reason::Evaluating,
        Reason::RollingOut,
        Reason::AwaitingApproval,
        Reason::Suspended,
        Reason::Pinned,
        Reason::CoolingDown,
        Reason::TooFewVerifiedRows,
        Reason::RejectionLimit,
        Reason::NoGateway,
        Reason::GatewayUnreachable,
    ];
    let reason = known.into_iter().find(|reason| active.reason == <&str>::from(*reason))?;
    Some((reason, &active.message))
}

fn of_loop(status: &GenesisModelStatus) -> Standing {
    use ModelReason as Reason;
    let Some((reason, message)) = loop_reason(status) else {
        return Standing::new(Sign::Waiting, "Serving", "what the loop does is not told yet");
    };
    let rest = |sign, word| at_rest(Standing::new(sign, word, message), status);
    match reason {
        Reason::Training => Standing::new(Sign::Working, "Training", message),
        Reason::Evaluating => Standing::new(Sign::Working, "Evaluating", message),
        Reason::RollingOut => Standing::new(Sign::Working, "Rolling out", message),
        Reason::AwaitingApproval => Standing::new(Sign::Held, "Awaiting approval", message),
        Reason::Suspended => Standing::new(Sign::Held, "Suspended", message),
        Reason::Pinned => Standing::new(Sign::Held, "Pinned", pinned(message, status.current_adapter.as_ref())),
        Reason::RejectionLimit => Standing::new(Sign::Warning, "Stopped", message),
        Reason::NoGateway => Standing::new(Sign::Warning, "No gateway", message),
        Reason::GatewayUnreachable => {
            Standing { settled: false, ..Standing::new(Sign::Warning, "Gateway unreachable", message) }
        }
        Reason::CoolingDown => rest(Sign::Good, "Cooling down"),
        Reason::TooFewVerifiedRows => rest(Sign::Good, "Collecting"),
        _ => rest(Sign::Good, "Idle"),
    }
}

/// A loop at rest is as good as its last turn.
fn at_rest(standing: Standing, status: &GenesisModelStatus) -> Standing {
    let Some(last) = status.history.first() else { return standing };
    let info = format!("turn {} {}: {}", last.revision, last.outcome, last.message);
    match last.outcome {
        TurnOutcome::Promoted => standing,
        TurnOutcome::Rejected | TurnOutcome::Withdrawn => Standing { info, ..standing },
        TurnOutcome::RolledBack | TurnOutcome::Failed => {
            Standing { sign: Sign::Warning, info, failed: true, ..standing }
        }
    }
}

fn pinned(message: &str, current: Option<&CurrentAdapter>) -> String {
    current.map_or_else(|| message.to_owned(), |current| format!("{message}; {} answers", current.name))
}
