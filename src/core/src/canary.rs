//! The steps of a canary and what live traffic says about it.

use serde::{Deserialize, Serialize};

use crate::statistics::{ArmMoments, confidence_sequence};
use crate::wire::ArmStatistics;

/// One step of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CanaryStep {
    /// Share of the traffic for the candidate, percent.
    pub weight: u8,
    /// Verified requests the candidate must have answered in this step before the next.
    pub min_requests: u64,
    /// Seconds the step lasts at least.
    pub min_seconds: i64,
}

/// How harm is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryPolicy {
    /// Quality may be lower than the stable's by this much, in basis points.
    pub max_regression_basis_points: u32,
    /// Two-sided error of the always-valid interval, percent.
    pub alpha_percent: u32,
    /// Requests in each arm before anything is concluded from the interval.
    pub min_requests: u64,
    /// A canary whose answers all fail is stopped after this many verified ones, if the stable would hardly fail as
    /// often in a row.
    pub all_failed_limit: u64,
}

impl Default for CanaryPolicy {
    fn default() -> Self {
        Self { max_regression_basis_points: 200, alpha_percent: 10, min_requests: 30, all_failed_limit: 20 }
    }
}

/// What to do with the canary now.
#[derive(Clone, Debug, PartialEq)]
pub enum CanaryDecision {
    /// Stay on this step; why.
    Wait(String),
    /// Go to the step with this index.
    Advance(usize),
    /// All steps are done.
    Promote,
    /// It hurts; why.
    RollBack(String),
}

/// Decides from the step, how long it has lasted, and the live statistics since the canary began and since the step began.
///
/// Harm is looked at first and at every look: the interval of [`confidence_sequence`] holds whenever one looks.
/// `step_requests` are the candidate's verified requests since this step began.
pub fn decide(
    policy: &CanaryPolicy,
    steps: &[CanaryStep],
    index: usize,
    step_seconds: i64,
    step_requests: u64,
    stable: &ArmStatistics,
    canary: &ArmStatistics,
) -> CanaryDecision {
    if let Some(harm) = harm(policy, stable, canary) {
        return CanaryDecision::RollBack(harm);
    }
    let Some(step) = steps.get(index) else {
        return CanaryDecision::Promote;
    };
    if step_seconds < step.min_seconds {
        return CanaryDecision::Wait(format!("step lasts {} s, {} s so far", step.min_seconds, step_seconds));
    }
    if step_requests < step.min_requests {
        return CanaryDecision::Wait(format!(
            "step needs {} verified requests, {} so far",
            step.min_requests, step_requests
        ));
    }
    if index + 1 < steps.len() { CanaryDecision::Advance(index + 1) } else { CanaryDecision::Promote }
}

/// Why the canary hurts, if it does.
fn harm(policy: &CanaryPolicy, stable: &ArmStatistics, canary: &ArmStatistics) -> Option<String> {
    let alpha = f64::from(policy.alpha_percent.clamp(1, 50)) / 100.0;
    if policy.all_failed_limit > 0
        && canary.verified >= policy.all_failed_limit
        && canary.passed == 0
        && all_failed_probability(stable, canary.verified) < alpha
    {
        return Some(format!("all {} verified answers of the candidate failed", canary.verified));
    }
    let margin = f64::from(policy.max_regression_basis_points) / 10_000.0;
    let bound = confidence_sequence(&moments(stable), &moments(canary), alpha, policy.min_requests)?;
    (bound.upper < -margin).then(|| {
        format!(
            "quality of the candidate is lower by {:.1} points [{:.1}, {:.1}]",
            -bound.estimate * 100.0,
            -bound.upper * 100.0,
            -bound.lower * 100.0
        )
    })
}

/// How probable it is that a candidate as good as the stable fails `answers` times in a row.
///
/// The stable's pass rate is estimated with half a pass in one answer more (the mean under Jeffreys' prior): one that
/// was seen little counts as middling, and one that has never passed does not count as one that never will. With more
/// answers the condition only becomes harder to meet by chance, so looking again and again keeps the error.
fn all_failed_probability(stable: &ArmStatistics, answers: u64) -> f64 {
    let rate = (stable.passed as f64 + 0.5) / (stable.verified as f64 + 1.0);
    (1.0 - rate).powf(answers as f64)
}

fn moments(arm: &ArmStatistics) -> ArmMoments {
    ArmMoments { count: arm.requests, sum: arm.quality_sum, square_sum: arm.quality_square_sum }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arm(requests: u64, quality: f64) -> ArmStatistics {
        let n = requests as f64;
        ArmStatistics {
            requests,
            verified: requests,
            passed: (n * quality) as u64,
            quality_sum: n * quality,
            quality_square_sum: n * quality,
            ..ArmStatistics::default()
        }
    }

    const STEPS: [CanaryStep; 3] = [
        CanaryStep { weight: 10, min_requests: 20, min_seconds: 2 },
        CanaryStep { weight: 50, min_requests: 20, min_seconds: 2 },
        CanaryStep { weight: 100, min_requests: 20, min_seconds: 2 },
    ];

    #[test]
    fn a_good_canary_walks_through_its_steps() {
        let policy = CanaryPolicy::default();
        let (stable, canary) = (arm(200, 0.7), arm(25, 0.9));
        let at = |index, seconds, requests| decide(&policy, &STEPS, index, seconds, requests, &stable, &canary);
        assert!(matches!(at(0, 1, 25), CanaryDecision::Wait(_)));
        assert!(matches!(at(0, 2, 19), CanaryDecision::Wait(_)));
        assert_eq!(at(0, 2, 20), CanaryDecision::Advance(1));
        assert_eq!(at(1, 2, 20), CanaryDecision::Advance(2));
        assert_eq!(at(2, 2, 20), CanaryDecision::Promote);
    }

    #[test]
    fn a_bad_canary_goes_back_at_any_step() {
        let policy = CanaryPolicy::default();
        for index in 0..STEPS.len() {
            let got = decide(&policy, &STEPS, index, 0, 0, &arm(300, 0.9), &arm(60, 0.1));
            assert!(matches!(got, CanaryDecision::RollBack(_)), "{got:?}");
        }
        let dead = decide(&policy, &STEPS, 0, 0, 0, &arm(0, 0.0), &arm(20, 0.0));
        assert!(matches!(dead, CanaryDecision::RollBack(_)));
    }

    #[test]
    fn failures_in_a_row_are_harm_only_where_the_stable_would_not_fail_so_often() {
        let policy = CanaryPolicy { min_requests: 1_000, ..CanaryPolicy::default() };
        let at = |stable: &ArmStatistics, failed| decide(&policy, &STEPS, 0, 0, 0, stable, &arm(failed, 0.0));
        // 0.95^20 is 36 %: a candidate that is just as good as this stable fails twenty times in a row that often.
        assert!(matches!(at(&arm(200, 0.05), 20), CanaryDecision::Wait(_)));
        assert!(matches!(at(&arm(200, 0.05), 60), CanaryDecision::RollBack(_)));
        assert!(matches!(at(&arm(200, 0.5), 19), CanaryDecision::Wait(_)), "the limit holds all the same");
        assert!(matches!(at(&arm(200, 0.5), 20), CanaryDecision::RollBack(_)));
        assert!(matches!(at(&arm(40, 0.0), 20), CanaryDecision::Wait(_)), "the stable solves nothing either");
    }

    proptest! {
        /// A canary as good as the stable is never rolled back by rounding, and no decision skips a step.
        #[test]
        fn steps_are_never_skipped(index in 0usize..4, seconds in 0i64..5, requests in 0u64..40, quality in 0.0f64..1.0) {
            match decide(&CanaryPolicy::default(), &STEPS, index, seconds, requests, &arm(200, quality), &arm(200, quality)) {
                CanaryDecision::Advance(next) => prop_assert_eq!(next, index + 1),
                CanaryDecision::Promote => prop_assert!(index + 1 >= STEPS.len()),
                CanaryDecision::Wait(_) => {}
                CanaryDecision::RollBack(why) => prop_assert!(false, "{}", why),
            }
        }
    }
}
