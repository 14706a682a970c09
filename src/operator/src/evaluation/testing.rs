//! Numbers of an evaluation for tests.

use genesis_core::Digest;
use genesis_core::promotion::{EvaluationSummary, SuiteSummary};
use genesis_core::wire::{ArtifactRef, JobEvent};

/// What an evaluator tells of a candidate that gains this much; the report is another one for every name.
///
/// A gain of nothing is drowned in noise: the numbers cannot tell.
pub fn evaluated(gain: f64, name: &str) -> JobEvent {
    let noise = |family: u32| if gain == 0.0 { f64::from(family % 2) - 0.45 } else { 0.0 };
    let suite = SuiteSummary {
        suite: "sealed".into(),
        tasks: 180,
        families: 60,
        samples: 8,
        infra: 0,
        baseline_pass1: 0.5,
        candidate_pass1: 0.5 + gain,
        baseline_pass8: 0.9,
        candidate_pass8: 0.9,
        pass1_by_family: (0..60).map(|family| (3.0 * gain + noise(family), 3)).collect(),
        pass8_by_family: vec![(0.0, 3); 60],
    };
    let report = ArtifactRef { uri: "file:///store/reports/r".into(), digest: Digest::of_bytes(name.as_bytes()) };
    let summary = EvaluationSummary { suites: vec![suite], executions: 1440, seed: 1, ..EvaluationSummary::default() };
    JobEvent::Evaluated { report, summary: Box::new(summary) }
}
