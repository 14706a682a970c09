use genesis_api::conditions::{ConditionType, ModelReason, find, is_true};
use genesis_api::genesis_model::GenesisModelStatus;
use genesis_api::{Decimal, GenesisModel};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::nodes::created;
use crate::report::{Check, Report};
use crate::summary::{loop_reason, of_model};

use super::until_violated;

/// What serves, then what holds the loop, then the turn under way, then the triggers: the order of the operator.
pub fn model(model: &GenesisModel, now: Timestamp) -> Report {
    let status = model.status.clone().unwrap_or_default();
    let standing = of_model(model);
    let mut checks = vec![serving(model, &status), adapter(&status)];
    checks.extend(until_violated(vec![
        suspended(model),
        pinned(model),
        under_way(model, &status),
        gateway(&status),
        rejections(model, &status),
        threshold(model, &status, now),
        cooldown(model, &status, now),
        rows(model, &status),
    ]));
    let verdict = format!("{}: {}", standing.word, standing.info);
    Report { title: format!("GenesisModel {}", model.name_any()), verdict, checks }
}

fn serving(model: &GenesisModel, status: &GenesisModelStatus) -> Check {
    let numbers = format!("{} of {} replicas are ready", status.ready_replicas, status.replicas);
    if is_true(&status.conditions, ConditionType::Ready) {
        Check::good("serving", numbers)
    } else {
        let remedy = format!("see the pods: `kubectl genesis get {}`, then `kubectl describe pod`", model.name_any());
        Check::bad("serving", numbers, remedy)
    }
}

fn adapter(status: &GenesisModelStatus) -> Check {
    let loaded = find(&status.conditions, ConditionType::AdapterLoaded);
    let message = loaded.map_or_else(String::new, |loaded| loaded.message.clone());
    match loaded.map(|loaded| loaded.reason.as_str()) {
        Some("AllReplicas" | "NoAdapter") => Check::good("adapter", message),
        Some("LoadFailed") => {
            Check::bad("adapter", message, "see the log of the replica, and that it mounts the store")
        }
        _ => Check::waits("adapter", message, None),
    }
}

fn suspended(model: &GenesisModel) -> Check {
    if model.spec.suspend {
        let remedy = format!("run `kubectl genesis resume {}`", model.name_any());
        Check::held("not suspended", "spec.suspend holds the loop; serving goes on", remedy)
    } else {
        Check::good("not suspended", "")
    }
}

fn pinned(model: &GenesisModel) -> Check {
    match &model.spec.pinned_adapter {
        Some(pinned) => {
            let remedy = format!("run `kubectl genesis rollback {} --unpin`", model.name_any());
            Check::held("not pinned", format!("spec.pinnedAdapter is {}", pinned.digest.short()), remedy)
        }
        None => Check::good("not pinned", ""),
    }
}

fn under_way(model: &GenesisModel, status: &GenesisModelStatus) -> Check {
    use ModelReason as Reason;
    let name = model.name_any();
    match loop_reason(status) {
        Some((Reason::AwaitingApproval, message)) => {
            Check::held("no turn under way", message, format!("run `kubectl genesis promote {name}`"))
        }
        Some((Reason::Training | Reason::Evaluating | Reason::RollingOut, message)) => {
            Check::waits("no turn under way", message, None)
        }
        _ => Check::good("no turn under way", format!("{} turns so far", status.revision)),
    }
}

fn gateway(status: &GenesisModelStatus) -> Check {
    match loop_reason(status) {
        Some((ModelReason::NoGateway, message)) => {
            Check::bad("gateway", message, "start the operator with the address of a gateway")
        }
        Some((ModelReason::GatewayUnreachable, message)) => {
            Check::bad("gateway", message, "see that the gateway is up: `kubectl genesis check`")
        }
        _ => Check::good("gateway", ""),
    }
}

fn rejections(model: &GenesisModel, status: &GenesisModelStatus) -> Check {
    let limit = model.spec.max_consecutive_rejections;
    let numbers =
        format!("{} turns in a row without a promotion, {limit} stop the loop", status.consecutive_rejections);
    if limit > 0 && status.consecutive_rejections >= limit {
        let name = model.name_any();
        let remedy = format!("run `kubectl genesis retry {name}`, or change its spec; `explain evaluation` tells why");
        Check::warns("rejections", numbers, remedy)
    } else {
        Check::good("rejections", numbers)
    }
}

/// The first of the three triggers that is reached.
fn threshold(model: &GenesisModel, status: &GenesisModelStatus, now: Timestamp) -> Check {
    let triggers = &model.spec.triggers;
    let learning = status.learning.clone().unwrap_or_default();
    let since = status.last_training_time.or_else(|| created(model));
    let age = since.map_or(0, |since| now.as_second() - since.as_second());
    let quality = learning.quality_average.as_ref().and_then(Decimal::value);
    let floor = f64::from(triggers.quality_floor_basis_points) / 10_000.0;
    let numbers = format!(
        "{} of {} new learnings, {age} s of {} s, quality {} over {} of {} generations against {floor:.2}",
        learning.new,
        triggers.min_new_learnings,
        triggers.max_age_seconds,
        quality.map_or_else(|| "?".to_owned(), |quality| format!("{quality:.2}")),
        learning.quality_samples,
        triggers.quality_min_samples,
    );
    let fell = learning.quality_samples >= triggers.quality_min_samples && quality.is_some_and(|value| value < floor);
    let reached = learning.new >= triggers.min_new_learnings || age >= triggers.max_age_seconds || fell;
    if learning.new > 0 && reached {
        Check::good("a trigger", numbers)
    } else {
        let remedy = format!("run `kubectl genesis retry {}` to train now", model.name_any());
        Check::waits("a trigger", numbers, Some(remedy))
    }
}

fn cooldown(model: &GenesisModel, status: &GenesisModelStatus, now: Timestamp) -> Check {
    let asked = model.spec.triggers.cooldown_seconds;
    match status.last_training_time.map(|last| now.as_second() - last.as_second()) {
        Some(rested) if rested < asked => Check::waits("cooldown", format!("{rested} s of {asked} s"), None),
        _ => Check::good("cooldown", format!("{asked} s")),
    }
}

fn rows(model: &GenesisModel, status: &GenesisModelStatus) -> Check {
    let (found, asked) =
        (status.learning.as_ref().map_or(0, |told| told.verified_rows), model.spec.triggers.min_verified_rows.max(1));
    let numbers = format!("{found} of {asked}");
    if found >= asked {
        Check::good("verified rows", numbers)
    } else {
        Check::waits("verified rows", numbers, Some("send tasks with tests: only verified work teaches".into()))
    }
}
