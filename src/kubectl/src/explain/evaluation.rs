use genesis_api::Evaluation;
use genesis_api::conditions::{ConditionType, find};
use genesis_api::evaluation::{EvaluationPhase, EvaluationStatus, SuiteResult};
use kube::ResourceExt;

use super::until_violated;
use crate::report::{Check, Report};

/// Evidence first, then regressions, then the gain: the order of the gate on promotion.
pub fn evaluation(evaluation: &Evaluation) -> Report {
    let status = evaluation.status.clone().unwrap_or_default();
    let mut checks = vec![held(evaluation), work(evaluation, &status)];
    if let Some(deciding) = status.results.first() {
        checks.push(evidence(evaluation, deciding));
        checks.push(regressions(evaluation, &status));
        checks.push(gain(evaluation, deciding));
    } else {
        checks.extend(["evidence", "regressions", "gain"].map(Check::unasked));
    }
    let reason = status.verdict_reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let verdict = match status.verdict {
        Some(verdict) => format!("{verdict}{reason}"),
        None if status.phase == EvaluationPhase::Failed => format!("no verdict: {}", status.message),
        None => format!("{}: {}", status.phase, status.message),
    };
    Report { title: format!("Evaluation {}", evaluation.name_any()), verdict, checks: until_violated(checks) }
}

fn held(evaluation: &Evaluation) -> Check {
    let name = evaluation.name_any();
    if evaluation.spec.suspend {
        Check::held("not held", "spec.suspend", format!("run `kubectl genesis resume evaluation/{name}`"))
    } else {
        Check::good("not held", "")
    }
}

fn work(evaluation: &Evaluation, status: &EvaluationStatus) -> Check {
    let name = "verdict in time";
    let limit = evaluation.spec.backoff_limit;
    let numbers = format!("{} of {limit} failures forgiven were used", status.failed_attempts);
    let reason = find(&status.conditions, ConditionType::Failed).map(|failed| failed.reason.clone());
    let last = status.last_failure.as_ref();
    let why = last.map_or_else(String::new, |last| format!("; the last one: {}: {}", last.reason, last.message));
    match status.phase {
        EvaluationPhase::Complete => Check::good(name, numbers),
        EvaluationPhase::Failed => {
            let remedy = match reason.as_deref() {
                Some("DeadlineExceeded") => "raise evaluationTemplate.activeDeadlineSeconds, or lower sampling.samples",
                Some("InputInvalid") => {
                    "see that each suite and adapter lies where its uri says and has its digest, then retry"
                }
                _ => "read the logs of its Job's pods, then run `kubectl genesis retry` on it",
            };
            Check::bad(name, format!("{}{why}", status.message), remedy)
        }
        _ => Check::waits(name, format!("{numbers}; {}", status.message), None),
    }
}

fn evidence(evaluation: &Evaluation, deciding: &SuiteResult) -> Check {
    let asked = evaluation.spec.gate.min_tasks;
    let numbers = format!(
        "{} tasks of {} in {} families were counted, {asked} are asked for; {} were left out",
        deciding.tasks, deciding.suite, deciding.families, deciding.infra
    );
    if deciding.tasks >= asked.max(1) {
        Check::good("evidence", numbers)
    } else {
        Check::warns("evidence", numbers, "use a larger suite, lower gate.minTasks, or see why samples were lost")
    }
}

fn regressions(evaluation: &Evaluation, status: &EvaluationStatus) -> Check {
    let gate = &evaluation.spec.gate;
    let summary = status.run_summary.clone().unwrap_or_default();
    let allowed = points(gate.max_regression_basis_points);
    let core = format!(
        "{} of {} core tasks broke, {:.2} % may",
        summary.core_broken,
        summary.core_tasks,
        points(gate.max_core_broken_basis_points)
    );
    if status.regressions.is_empty() {
        return Check::good("regressions", format!("none beyond {allowed:.1} points; {core}"));
    }
    Check::warns(
        "regressions",
        format!("{}; {allowed:.1} points are allowed, {core}", status.regressions.join("; ")),
        "nothing is lost: the champion stays. More verified work of the kind that broke helps; the margins are gate.maxRegressionBasisPoints and gate.maxCoreBrokenBasisPoints",
    )
}

fn gain(evaluation: &Evaluation, deciding: &SuiteResult) -> Check {
    let gate = &evaluation.spec.gate;
    let number = |decimal: &Option<genesis_api::Decimal>| decimal.as_ref().and_then(genesis_api::Decimal::value);
    let (delta, lower, upper) = (number(&deciding.delta), number(&deciding.lower), number(&deciding.upper));
    let (Some(delta), Some(lower), Some(upper)) = (delta, lower, upper) else {
        return Check::warns("gain", "the status holds no interval", "read the report that status.report names");
    };
    let asked = points(gate.min_improvement_basis_points);
    let numbers = format!(
        "pass@1 {} → {}: {:+.1} points [{:+.1}, {:+.1}] at {} %; at least {asked:.1} with a lower bound above 0 are asked for",
        deciding.baseline.as_str(),
        deciding.candidate.as_str(),
        delta * 100.0,
        lower * 100.0,
        upper * 100.0,
        gate.confidence_percent
    );
    if lower > 0.0 && delta * 100.0 >= asked {
        Check::good("gain", numbers)
    } else if upper * 100.0 < asked {
        let model = &evaluation.spec.model_ref.name;
        let remedy = format!("the champion stays; let it learn more, then run `kubectl genesis retry model/{model}`");
        Check::warns("gain", numbers, remedy)
    } else {
        Check::warns(
            "gain",
            numbers,
            "the interval includes both answers: more sampling.samples or larger suites narrow it",
        )
    }
}

fn points(basis_points: i32) -> f64 {
    f64::from(basis_points) / 100.0
}
