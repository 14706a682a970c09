use genesis_api::conditions::{ConditionType, find};
use genesis_api::rollout::{CompletionStatus, DesiredOutcome, RolloutStatus};
use genesis_api::{Evaluation, Rollout};
use genesis_core::promotion::Verdict;
use jiff::Timestamp;
use kube::ResourceExt;

use super::until_violated;
use crate::report::{Check, Report};

/// What a person or another object asks for, its turn, its evaluation, its proof, its hold, its steps.
pub fn rollout(rollout: &Rollout, evaluation: Option<&Evaluation>, now: Timestamp) -> Report {
    let status = rollout.status.clone().unwrap_or_default();
    let name = rollout.name_any();
    let verdict = match status.completion_status {
        Some(end) => format!("{end}: {}", status.message),
        None => format!("{}: {}", status.phase, status.message),
    };
    let checks = vec![
        asked(rollout, &status),
        progressing(&status, "turn", "WaitingForPrevious", "an older Rollout gives its traffic back first"),
        judged(rollout, evaluation, &status),
        proved(&status),
        hold(rollout, &status),
        traffic(&status),
        steps(rollout, &status, now),
    ];
    Report { title: format!("Rollout {name}"), verdict, checks: until_violated(checks) }
}

fn asked(rollout: &Rollout, status: &RolloutStatus) -> Check {
    let (name, model) = (rollout.name_any(), &rollout.spec.model_ref.name);
    let numbers = || format!("{}: {}", status.ending_reason.clone().unwrap_or_default(), status.message);
    match status.ending_reason.as_deref() {
        Some("RequestedAbort") => {
            Check::warns("not ended", numbers(), format!("run `kubectl genesis retry rollout/{name}` to begin again"))
        }
        Some("Pinned") => {
            Check::warns("not ended", numbers(), format!("run `kubectl genesis rollback {model} --unpin`, then retry"))
        }
        Some("Superseded") => Check::warns("not ended", numbers(), "see the newer Rollout"),
        _ if rollout.spec.desired_outcome == DesiredOutcome::Promote => {
            Check::good("not ended", "spec.desiredOutcome is Promote: the rest of the steps is skipped")
        }
        _ if rollout.spec.desired_outcome == DesiredOutcome::Abort => {
            Check::warns("not ended", "spec.desiredOutcome is Abort", "traffic is being given back; wait for the end")
        }
        _ => Check::good("not ended", "live traffic decides"),
    }
}

fn progressing(status: &RolloutStatus, name: &str, reason: &str, waits: &str) -> Check {
    let found = find(&status.conditions, ConditionType::Progressing).filter(|found| found.reason == reason);
    match found {
        Some(found) => Check::waits(name, format!("{waits}: {}", found.message), None),
        None => Check::good(name, ""),
    }
}

fn judged(rollout: &Rollout, evaluation: Option<&Evaluation>, status: &RolloutStatus) -> Check {
    let Some(reference) = &rollout.spec.evaluation_ref else {
        return Check::good("evaluation", "none is named: a person answers for the candidate");
    };
    if status.ending_reason.as_deref() == Some("EvaluationNotPassed") {
        let remedy = format!("run `kubectl genesis explain evaluation {}`", reference.name);
        return Check::warns("evaluation", status.message.clone(), remedy);
    }
    let verdict = evaluation.and_then(|evaluation| evaluation.status.as_ref()).and_then(|status| status.verdict);
    match verdict {
        Some(Verdict::Pass) => Check::good("evaluation", format!("{} passed", reference.name)),
        _ if status.start_time.is_some() => Check::good("evaluation", format!("{} had passed", reference.name)),
        _ => Check::waits("evaluation", format!("{} has no verdict yet", reference.name), None),
    }
}

fn proved(status: &RolloutStatus) -> Check {
    let proved = status.replicas.iter().filter(|replica| replica.proved).count();
    let numbers = format!("{proved} of {} ready replicas serve what was trained", status.replicas.len());
    let wrong = status.replicas.iter().find(|replica| !replica.proved && !replica.message.is_empty());
    let why = wrong.map_or_else(String::new, |replica| format!("; {}: {}", replica.pod, replica.message));
    match status.ending_reason.as_deref() {
        Some("ProofFailed") => Check::bad(
            "proof",
            format!("{numbers}{why}; {}", status.message),
            "a replica serves something else: see its log, and that all replicas mount the same store",
        ),
        _ if status.served_digest.is_some() => Check::good("proof", numbers),
        _ if status.completion_status.is_some() && status.start_time.is_some() => Check::good("proof", numbers),
        _ => Check::waits("proof", format!("{numbers}{why}"), None),
    }
}

fn hold(rollout: &Rollout, status: &RolloutStatus) -> Check {
    let name = rollout.name_any();
    let paused = find(&status.conditions, ConditionType::Paused).filter(|paused| paused.status == "True");
    match paused {
        Some(paused) if paused.reason == "AnalysisFailed" => Check::held(
            "not held",
            paused.message.clone(),
            format!("run `kubectl genesis promote {name} --full` or `kubectl genesis abort {name}`"),
        ),
        Some(paused) => {
            Check::held("not held", paused.message.clone(), format!("run `kubectl genesis resume rollout/{name}`"))
        }
        None => Check::good("not held", ""),
    }
}

fn traffic(status: &RolloutStatus) -> Check {
    let stalled = find(&status.conditions, ConditionType::Stalled);
    if let Some(stalled) = stalled {
        let remedy = match stalled.reason.as_str() {
            "ModelNotFound" => "create the GenesisModel, or delete this Rollout",
            _ => "start the operator with a gateway: nobody else can shift traffic",
        };
        return Check::bad("gateway", format!("{}: {}", stalled.reason, stalled.message), remedy);
    }
    let progressing = find(&status.conditions, ConditionType::Progressing);
    match progressing.filter(|found| matches!(found.reason.as_str(), "WaitingForRoutes" | "GatewayUnreachable")) {
        Some(found) => {
            let remedy = Some("see that the gateway is up: `kubectl genesis check`".to_owned());
            Check::waits("gateway", found.message.clone(), remedy)
        }
        None => Check::good("gateway", format!("{} % to the candidate", status.weights.canary)),
    }
}

fn steps(rollout: &Rollout, status: &RolloutStatus, now: Timestamp) -> Check {
    let all = &rollout.spec.steps;
    let name = "steps";
    match (status.completion_status.or(status.ending_as), status.ending_reason.as_deref()) {
        (Some(CompletionStatus::Promoted), _) => return Check::good(name, format!("{} of {0} are done", all.len())),
        (_, Some(reason @ ("Harm" | "ProgressDeadlineExceeded"))) => {
            let remedy = if reason == "Harm" {
                let model = &rollout.spec.model_ref.name;
                format!(
                    "the stable answers again, and what was learned from the candidate's answers is taken back; `kubectl genesis retry model/{model}` begins another turn"
                )
            } else {
                "see why it stood still; fewer minRequests or a longer progressDeadlineSeconds suit a model with little traffic".to_owned()
            };
            return Check::bad(name, format!("{reason}: {}", status.message), remedy);
        }
        _ => {}
    }
    let Some(step) = usize::try_from(status.current_step_index).ok().and_then(|index| all.get(index)) else {
        return Check::waits(name, status.message.clone(), None);
    };
    let seconds = status.step_start_time.map_or(0, |start| now.as_second() - start.as_second());
    let still = status.last_progress_time.map_or(0, |last| now.as_second() - last.as_second());
    Check::waits(
        name,
        format!(
            "step {}: {} % for {seconds} s of {} s and {} verified requests; {still} s of {} s without progress; {}",
            status.step.clone().unwrap_or_default(),
            step.weight,
            step.min_seconds,
            step.min_requests,
            rollout.spec.progress_deadline_seconds,
            status.message
        ),
        None,
    )
}
