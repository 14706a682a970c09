/// Sums over one arm's requests, each value in `[0, 1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ArmMoments {
    /// Requests.
    pub count: u64,
    /// Sum of values.
    pub sum: f64,
    /// Sum of squared values.
    pub square_sum: f64,
}

impl ArmMoments {
    /// Mean value.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// Variance of a value.
    pub fn variance(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.square_sum / self.count as f64 - self.mean().powi(2)).max(0.0) }
    }
}

/// A difference of means with an interval that holds at every look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DifferenceBound {
    /// canary − stable.
    pub estimate: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// Asymptotic confidence sequence for the difference of two means (Waudby-Smith et al., Annals of Statistics 2024):
/// `half = sqrt( (n·v·ρ² + 1) / (n²ρ²) · ln((n·v·ρ² + 1)/α²) )`, where `v/n` is the variance of the difference and
/// `ρ² = (−2 ln α + ln(−2 ln α) + 1)/100`. `None` below `min_count` requests in either arm.
///
/// `n` is the smaller arm's count and `v = n·(v_A/n_A + v_B/n_B)`, so that arms of unequal size are treated as what
/// they are. A variance below that of one deviating value, `1/n_A`, is raised to it: values that were equal so far
/// need not stay so, and an interval that jumped at the first deviation would not hold at every look.
pub fn confidence_sequence(
    stable: &ArmMoments,
    canary: &ArmMoments,
    alpha: f64,
    min_count: u64,
) -> Option<DifferenceBound> {
    let count = stable.count.min(canary.count);
    if count < min_count.max(2) {
        return None;
    }
    let n = count as f64;
    let of = |arm: &ArmMoments| arm.variance().max(1.0 / arm.count as f64) / arm.count as f64;
    let v = n * (of(stable) + of(canary));
    let log = -2.0 * alpha.ln();
    let rho2 = (log + log.ln() + 1.0) / 100.0;
    let inner = n * v * rho2 + 1.0;
    let half = (inner / (n * n * rho2) * (inner / (alpha * alpha)).ln()).sqrt();
    let estimate = canary.mean() - stable.mean();
    Some(DifferenceBound { estimate, lower: estimate - half, upper: estimate + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(count: u64, rate: f64) -> ArmMoments {
        let sum = count as f64 * rate;
        ArmMoments { count, sum, square_sum: sum }
    }

    #[test]
    fn says_nothing_before_there_are_enough_requests() {
        assert_eq!(confidence_sequence(&arm(1_000, 0.9), &arm(49, 0.9), 0.1, 50), None);
    }

    #[test]
    fn sees_a_sabotaged_canary_and_not_an_equal_one() {
        let bad = confidence_sequence(&arm(400, 0.8), &arm(60, 0.1), 0.1, 50).unwrap();
        assert!(bad.upper < 0.0, "{bad:?}");
        let same = confidence_sequence(&arm(400, 0.8), &arm(400, 0.8), 0.1, 50).unwrap();
        assert!(same.lower < 0.0 && same.upper > 0.0, "{same:?}");
    }

    #[test]
    fn narrows_with_more_requests() {
        let width = |n| {
            let b = confidence_sequence(&arm(n, 0.7), &arm(n, 0.7), 0.1, 50).unwrap();
            b.upper - b.lower
        };
        assert!(width(2_000) < width(500) && width(500) < width(100));
    }

    #[test]
    fn a_small_variance_is_raised_as_none_is() {
        let of = |value: f64| ArmMoments { count: 60, sum: 60.0 * value, square_sum: 60.0 * value * value + 1e-6 };
        let (none, small) = (arm(60, 1.0), of(1.0));
        let half = |canary: &ArmMoments| {
            let bound = confidence_sequence(&arm(60, 1.0), canary, 0.1, 50).unwrap();
            bound.upper - bound.lower
        };
        assert_eq!(half(&none), half(&small));
    }

    #[test]
    fn arms_without_variance_are_not_taken_for_certain() {
        let b = confidence_sequence(&arm(60, 1.0), &arm(60, 1.0), 0.1, 50).unwrap();
        assert!(b.lower < -0.05, "{b:?}");
    }
}
