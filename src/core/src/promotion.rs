//! The gate on promotion: what an evaluation's numbers are worth.
//!
//! A candidate passes only where its gain is at least the asked one, the lower bound of that gain is above
//! zero, and nothing a user relied on is lost. Too little evidence is [`Verdict::Inconclusive`], never a pass.

use serde::{Deserialize, Serialize};

use crate::statistics::clustered_difference;

/// Paired results of one suite, clustered by family. All rates are in `[0, 1]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteSummary {
    /// Name of the suite.
    pub suite: String,
    /// Tasks counted in both arms (a task with an infra outcome leaves both).
    pub tasks: u64,
    /// Families they belong to.
    pub families: u64,
    /// Samples per task and arm.
    pub samples: u64,
    /// Tasks left out because of infra outcomes.
    pub infra: u64,
    /// pass@1 of the champion.
    pub baseline_pass1: f64,
    /// pass@1 of the candidate.
    pub candidate_pass1: f64,
    /// pass@8 of the champion.
    pub baseline_pass8: f64,
    /// pass@8 of the candidate.
    pub candidate_pass8: f64,
    /// For every family, the sum over its tasks of (candidate − champion) pass@1, and its tasks.
    pub pass1_by_family: Vec<(f64, u64)>,
    /// The same for pass@8.
    pub pass8_by_family: Vec<(f64, u64)>,
}

/// The numbers a verdict is decided from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationSummary {
    /// One for each suite; the first one decides, the others must not regress.
    pub suites: Vec<SuiteSummary>,
    /// Tasks of the must-pass core: solved greedily by the champion.
    pub core_tasks: u64,
    /// Of these, the ones the candidate no longer solves.
    pub core_broken: Vec<String>,
    /// Programs executed.
    pub executions: u64,
    /// Seed of the sampling.
    pub seed: u64,
}

/// What is asked of a candidate, from `spec.gate`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromotionGate {
    /// The gain in pass@1 asked for, in basis points (100 = one point).
    pub min_improvement_basis_points: u32,
    /// One-sided confidence of the bounds, percent.
    pub confidence_percent: u32,
    /// Tasks that must have been counted in the deciding suite.
    pub min_tasks: u64,
    /// How far pass@8, or another suite's pass@1, may fall, in basis points.
    pub max_regression_basis_points: u32,
    /// How much of the must-pass core may break, in basis points of its tasks.
    pub max_core_broken_basis_points: u32,
}

impl Default for PromotionGate {
    fn default() -> Self {
        Self {
            min_improvement_basis_points: 100,
            confidence_percent: 95,
            min_tasks: 100,
            max_regression_basis_points: 200,
            max_core_broken_basis_points: 0,
        }
    }
}

/// The end of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString)]
pub enum Verdict {
    /// Better, and nothing lost.
    Pass,
    /// Not better, or something lost.
    Fail,
    /// The numbers cannot tell.
    Inconclusive,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr)]
pub enum VerdictReason {
    /// The gain is there and supported.
    ImprovementMet,
    /// The gain is smaller than asked, and the interval excludes that it is.
    BelowThreshold,
    /// Something that worked no longer does.
    RegressionDetected,
    /// Too few tasks, or an interval that includes both answers.
    InsufficientSamples,
}

/// A verdict with the numbers a person needs to believe it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason.
    pub reason: VerdictReason,
    /// One sentence with the numbers.
    pub message: String,
    /// Gain in pass@1 of the deciding suite.
    pub estimate: f64,
    /// Its lower bound.
    pub lower: f64,
    /// Its upper bound.
    pub upper: f64,
    /// What regressed, in words.
    pub regressions: Vec<String>,
}

/// Decides. The chain is ordered: evidence first, then regressions, then the gain.
pub fn judge(gate: &PromotionGate, summary: &EvaluationSummary) -> Judgement {
    let confidence = f64::from(gate.confidence_percent) / 100.0;
    let Some(deciding) = summary.suites.first() else {
        return nothing("no suite was evaluated".to_owned());
    };
    if deciding.tasks < gate.min_tasks.max(1) {
        return nothing(format!(
            "{} tasks of {} were counted, {} are needed",
            deciding.tasks, deciding.suite, gate.min_tasks
        ));
    }
    let gain = clustered_difference(&deciding.pass1_by_family, confidence, summary.seed);
    let regressions = regressions(gate, summary, confidence);
    let asked = f64::from(gate.min_improvement_basis_points) / 10_000.0;
    let (verdict, reason) = if !regressions.is_empty() {
        (Verdict::Fail, VerdictReason::RegressionDetected)
    } else if gain.lower > 0.0 && gain.estimate >= asked {
        (Verdict::Pass, VerdictReason::ImprovementMet)
    } else if gain.upper < asked {
        (Verdict::Fail, VerdictReason::BelowThreshold)
    } else {
        (Verdict::Inconclusive, VerdictReason::InsufficientSamples)
    };
    let message = format!(
        "{}: pass@1 {:.3} → {:.3}, {:+.1} points [{:+.1}, {:+.1}] at {} %, pass@8 {:.3} → {:.3}, {} tasks of {} families{}",
        deciding.suite,
        deciding.baseline_pass1,
        deciding.candidate_pass1,
        gain.estimate * 100.0,
        gain.lower * 100.0,
        gain.upper * 100.0,
        gate.confidence_percent,
        deciding.baseline_pass8,
        deciding.candidate_pass8,
        deciding.tasks,
        deciding.families,
        if regressions.is_empty() { String::new() } else { format!("; {}", regressions.join("; ")) },
    );
    Judgement { verdict, reason, message, estimate: gain.estimate, lower: gain.lower, upper: gain.upper, regressions }
}

fn nothing(message: String) -> Judgement {
    Judgement {
        verdict: Verdict::Inconclusive,
        reason: VerdictReason::InsufficientSamples,
        message,
        estimate: 0.0,
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
        regressions: Vec::new(),
    }
}

/// What got worse by more than is allowed. The estimate decides, not a bound of it: a model that looks worse than
/// allowed is not promoted on the hope that it was chance.
fn regressions(gate: &PromotionGate, summary: &EvaluationSummary, confidence: f64) -> Vec<String> {
    let margin = f64::from(gate.max_regression_basis_points) / 10_000.0;
    let mut found = Vec::new();
    for (index, suite) in summary.suites.iter().enumerate() {
        let measures = [("pass@1", &suite.pass1_by_family), ("pass@8", &suite.pass8_by_family)];
        for (name, families) in measures.into_iter().skip(usize::from(index == 0)) {
            let fall = clustered_difference(families, confidence, summary.seed);
            if fall.estimate < -margin {
                found.push(format!("{} of {} fell by {:.1} points", name, suite.suite, -fall.estimate * 100.0));
            }
        }
    }
    let allowed = summary.core_tasks as f64 * f64::from(gate.max_core_broken_basis_points) / 10_000.0;
    if summary.core_broken.len() as f64 > allowed {
        let shown: Vec<&str> = summary.core_broken.iter().take(3).map(String::as_str).collect();
        found.push(format!(
            "{} of {} tasks of the must-pass core broke ({})",
            summary.core_broken.len(),
            summary.core_tasks,
            shown.join(", ")
        ));
    }
    found
}

#[cfg(test)]
mod tests;
