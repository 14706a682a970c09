//! From the evaluator's numbers to a verdict. Pure.

use genesis_api::evaluation::{EvaluationStatus, RunSummary, SuiteResult};
use genesis_api::genesis_model::GateSpec;
use genesis_api::{ArtifactReference, Decimal};
use genesis_core::promotion::{EvaluationSummary, PromotionGate, SuiteSummary, judge};
use genesis_core::statistics::clustered_difference;
use genesis_core::wire::ArtifactRef;

use crate::plan::shortened;
use crate::training_run::event::signed;

/// Digits after the point of a rate.
const DIGITS: usize = 4;
/// Regressions that are listed; the report holds all of them.
const LISTED: usize = 32;

/// Judges, and writes the verdict down with its numbers. The status holds what people need; the report holds the rest.
pub(super) fn conclude(
    status: &mut EvaluationStatus,
    gate: &GateSpec,
    summary: &EvaluationSummary,
    report: &ArtifactRef,
) {
    let gate = PromotionGate::from(gate);
    let judgement = judge(&gate, summary);
    let confidence = f64::from(gate.confidence_percent) / 100.0;
    status.verdict = Some(judgement.verdict);
    status.verdict_reason = Some(<&str>::from(judgement.reason).to_owned());
    status.message = shortened(&judgement.message);
    status.regressions = judgement.regressions.iter().take(LISTED).map(|text| shortened(text)).collect();
    status.results = summary.suites.iter().take(8).map(|suite| result(suite, confidence, summary.seed)).collect();
    status.run_summary = Some(RunSummary {
        executions: signed(summary.executions),
        core_tasks: signed(summary.core_tasks),
        core_broken: signed(summary.core_broken.len()),
        seed: signed(summary.seed),
    });
    status.report = Some(ArtifactReference::from(report.clone()));
}

fn result(suite: &SuiteSummary, confidence: f64, seed: u64) -> SuiteResult {
    let rate = |value| Decimal::rounded(value, DIGITS).unwrap_or_else(|| Decimal::new("0"));
    let gain = clustered_difference(&suite.pass1_by_family, confidence, seed);
    SuiteResult {
        suite: suite.suite.clone(),
        baseline: rate(suite.baseline_pass1),
        candidate: rate(suite.candidate_pass1),
        delta: Decimal::rounded(gain.estimate, DIGITS),
        lower: Decimal::rounded(gain.lower, DIGITS),
        upper: Decimal::rounded(gain.upper, DIGITS),
        baseline_pass_at8: rate(suite.baseline_pass8),
        candidate_pass_at8: rate(suite.candidate_pass8),
        tasks: signed(suite.tasks),
        families: signed(suite.families),
        samples: signed(suite.samples),
        infra: signed(suite.infra),
    }
}
