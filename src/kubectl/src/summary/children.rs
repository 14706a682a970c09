use genesis_api::conditions::{ConditionType, find};
use genesis_api::evaluation::{EvaluationPhase, SuiteResult};
use genesis_api::rollout::{CompletionStatus, RolloutPhase, RolloutStatus};
use genesis_api::training_run::{TrainingPhase, TrainingRunStatus};
use genesis_api::{Evaluation, Rollout, TrainingRun};
use genesis_core::promotion::Verdict;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::Standing;
use crate::sign::Sign;

const UNSEEN: &str = "no operator has seen it yet";

/// How a training stands.
pub fn of_run(run: &TrainingRun) -> Standing {
    let Some(status) = &run.status else { return Standing::new(Sign::Waiting, "New", UNSEEN) };
    if let Some(stalled) = stalled(&status.conditions) {
        return stalled;
    }
    let sign = match status.phase {
        TrainingPhase::Pending => Sign::Waiting,
        TrainingPhase::Running => Sign::Working,
        TrainingPhase::Suspended => Sign::Held,
        TrainingPhase::Complete => Sign::Good,
        TrainingPhase::Failed => Sign::Bad,
    };
    let info = if status.phase == TrainingPhase::Running { progress(status) } else { status.message.clone() };
    Standing::new(sign, &status.phase.to_string(), info)
}

fn progress(status: &TrainingRunStatus) -> String {
    let Some(told) = &status.trainer_status else { return status.message.clone() };
    let loss = told.metrics.iter().find(|metric| metric.name == "loss");
    let loss = loss.map_or_else(String::new, |loss| format!(", loss {}", loss.value.as_str()));
    let failures = match status.attempts_count_towards_limit {
        0 => String::new(),
        failures => format!(", {failures} failed attempts"),
    };
    format!("step {}/{} ({} %){loss}{failures}", told.current_step, told.total_steps, told.progress_percentage)
}

/// How a judgement stands. A verdict is a result, whatever it says.
pub fn of_evaluation(evaluation: &Evaluation) -> Standing {
    let Some(status) = &evaluation.status else { return Standing::new(Sign::Waiting, "New", UNSEEN) };
    if let Some(stalled) = stalled(&status.conditions) {
        return stalled;
    }
    match status.phase {
        EvaluationPhase::Pending => Standing::new(Sign::Waiting, "Pending", status.message.clone()),
        EvaluationPhase::Loading => Standing::new(Sign::Working, "Loading", status.message.clone()),
        EvaluationPhase::Running => Standing::new(Sign::Working, "Running", status.message.clone()),
        EvaluationPhase::Suspended => Standing::new(Sign::Held, "Suspended", status.message.clone()),
        EvaluationPhase::Failed => Standing::new(Sign::Bad, "Failed", status.message.clone()),
        EvaluationPhase::Complete => {
            let sign = if status.verdict == Some(Verdict::Pass) { Sign::Good } else { Sign::Warning };
            let word = status.verdict.map_or_else(|| "Complete".to_owned(), |verdict| verdict.to_string());
            let reason = status.verdict_reason.clone().unwrap_or_default();
            let numbers = status.results.first().map_or_else(String::new, |first| scores(first, &reason));
            Standing::new(sign, &word, numbers)
        }
    }
}

fn scores(result: &SuiteResult, reason: &str) -> String {
    let (baseline, candidate) = (result.baseline.as_str(), result.candidate.as_str());
    let delta = result.delta.as_ref().and_then(genesis_api::Decimal::value);
    let delta = delta.map_or_else(String::new, |delta| format!(" ({:+.1} points)", delta * 100.0));
    format!("{reason}: pass@1 {baseline} → {candidate}{delta}, {} tasks", result.tasks)
}

/// How a canary stands.
pub fn of_rollout(rollout: &Rollout) -> Standing {
    let Some(status) = &rollout.status else { return Standing::new(Sign::Waiting, "New", UNSEEN) };
    if let Some(stalled) = stalled(&status.conditions) {
        return stalled;
    }
    let traffic = format!("{} of traffic; {}", weights(status), status.message);
    match status.phase {
        RolloutPhase::Pending => Standing::new(Sign::Waiting, "Pending", traffic),
        RolloutPhase::Progressing => Standing::new(Sign::Working, "Progressing", traffic),
        RolloutPhase::Paused => Standing::new(Sign::Held, "Paused", traffic),
        RolloutPhase::Promoting => Standing::new(Sign::Working, "Promoting", traffic),
        RolloutPhase::RollingBack => Standing::new(Sign::Working, "Rolling back", traffic),
        RolloutPhase::Promoted => Standing::new(Sign::Good, "Promoted", status.message.clone()),
        RolloutPhase::Ended => match status.completion_status {
            Some(CompletionStatus::RolledBack) => Standing::new(Sign::Bad, "Rolled back", status.message.clone()),
            Some(CompletionStatus::Superseded) => Standing::new(Sign::Warning, "Superseded", status.message.clone()),
            _ => Standing::new(Sign::Warning, "Aborted", status.message.clone()),
        },
    }
}

fn weights(status: &RolloutStatus) -> String {
    let step = status.step.as_ref().map_or_else(String::new, |step| format!("step {step}, "));
    let verified = if status.weights.verified { "" } else { " (not taken over yet)" };
    format!("{step}{} %{verified}", status.weights.canary)
}

fn stalled(conditions: &[Condition]) -> Option<Standing> {
    let stalled = find(conditions, ConditionType::Stalled)?;
    Some(Standing::new(Sign::Bad, "Stalled", format!("{}: {}", stalled.reason, stalled.message)))
}
