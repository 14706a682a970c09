use proptest::prelude::*;

use super::*;

/// A suite of `families` families with three tasks each whose pass@1 moves by `gain` give or take `spread`.
fn suite(name: &str, families: usize, gain: f64, spread: f64, pass8: f64) -> SuiteSummary {
    let pass1_by_family: Vec<(f64, u64)> =
        (0..families).map(|i| (3.0 * (gain + if i % 2 == 0 { spread } else { -spread }), 3)).collect();
    SuiteSummary {
        suite: name.into(),
        tasks: 3 * families as u64,
        families: families as u64,
        samples: 8,
        infra: 0,
        baseline_pass1: 0.5,
        candidate_pass1: 0.5 + gain,
        baseline_pass8: 0.9,
        candidate_pass8: 0.9 + pass8,
        pass1_by_family,
        pass8_by_family: vec![(3.0 * pass8, 3); families],
    }
}

fn summary(suites: Vec<SuiteSummary>) -> EvaluationSummary {
    EvaluationSummary { suites, core_tasks: 50, core_broken: vec![], executions: 1, seed: 1 }
}

#[test]
fn the_table_of_verdicts() {
    use VerdictReason::{BelowThreshold, ImprovementMet, InsufficientSamples, RegressionDetected};
    let gate = PromotionGate::default();
    let cases = [
        ("clear gain", summary(vec![suite("sealed", 60, 0.30, 0.1, 0.02)]), Verdict::Pass, ImprovementMet),
        ("noise", summary(vec![suite("sealed", 60, 0.02, 0.5, 0.0)]), Verdict::Inconclusive, InsufficientSamples),
        ("clearly nothing", summary(vec![suite("sealed", 60, 0.0, 0.01, 0.0)]), Verdict::Fail, BelowThreshold),
        ("clear loss", summary(vec![suite("sealed", 60, -0.2, 0.1, 0.0)]), Verdict::Fail, BelowThreshold),
        (
            "gain but diversity lost",
            summary(vec![suite("sealed", 60, 0.3, 0.1, -0.05)]),
            Verdict::Fail,
            RegressionDetected,
        ),
        (
            "gain here, loss there",
            summary(vec![suite("sealed", 60, 0.3, 0.1, 0.0), suite("dev", 40, -0.1, 0.1, 0.0)]),
            Verdict::Fail,
            RegressionDetected,
        ),
        (
            "too few tasks",
            summary(vec![suite("sealed", 20, 0.3, 0.1, 0.0)]),
            Verdict::Inconclusive,
            InsufficientSamples,
        ),
        ("nothing ran", summary(vec![]), Verdict::Inconclusive, InsufficientSamples),
    ];
    for (name, summary, verdict, reason) in cases {
        let got = judge(&gate, &summary);
        assert_eq!((got.verdict, got.reason), (verdict, reason), "{name}: {}", got.message);
    }
}

#[test]
fn one_broken_core_task_is_a_regression_unless_allowed() {
    let mut broken = summary(vec![suite("sealed", 60, 0.3, 0.1, 0.0)]);
    broken.core_broken = vec!["t1".into()];
    assert_eq!(judge(&PromotionGate::default(), &broken).reason, VerdictReason::RegressionDetected);
    let lenient = PromotionGate { max_core_broken_basis_points: 200, ..PromotionGate::default() };
    assert_eq!(judge(&lenient, &broken).verdict, Verdict::Pass);
}

proptest! {
    /// Whatever the numbers, a pass has a lower bound above zero, the asked gain and no regression.
    #[test]
    fn a_pass_is_always_earned(families in 0usize..80, gain in -0.5f64..0.5, spread in 0.0f64..1.0, pass8 in -0.1f64..0.1) {
        let gate = PromotionGate::default();
        let got = judge(&gate, &summary(vec![suite("sealed", families, gain, spread, pass8)]));
        if got.verdict == Verdict::Pass {
            prop_assert!(got.lower > 0.0 && got.estimate >= 0.01 && got.regressions.is_empty());
            prop_assert!(3 * families as u64 >= gate.min_tasks);
        }
    }

    /// More of the same gain never turns a pass into a fail.
    #[test]
    fn a_larger_gain_never_does_worse(gain in 0.0f64..0.3, more in 0.0f64..0.2, spread in 0.0f64..0.5) {
        let gate = PromotionGate::default();
        let low = judge(&gate, &summary(vec![suite("sealed", 60, gain, spread, 0.0)]));
        let high = judge(&gate, &summary(vec![suite("sealed", 60, gain + more, spread, 0.0)]));
        if low.verdict == Verdict::Pass {
            prop_assert_eq!(high.verdict, Verdict::Pass);
        }
    }
}
