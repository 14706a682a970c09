use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF};
use statrs::function::beta::ln_beta;

/// Exact one-sided McNemar: `P(Bin(w + l, 1/2) ≥ w)`, the probability of at least `wins` if neither arm is better.
///
/// `wins` are tasks only the challenger passes, `losses` those only the champion passes.
pub fn mcnemar_p(wins: u64, losses: u64) -> f64 {
    if wins == 0 {
        return 1.0;
    }
    Binomial::new(0.5, wins + losses).map_or(1.0, |binomial| binomial.sf(wins - 1))
}

/// Anytime-valid evidence that the challenger is better: a Beta(1/2, 1/2) mixture truncated to θ > 1/2,
/// `E = 2^(w+l) · B(w+½, l+½) / (½·B(½, ½)) · P(Beta(w+½, l+½) > ½)`.
///
/// Under "not better" its mean is at most 1 at any stopping time (Ville's inequality), so `E ≥ 1/α` errs with
/// probability at most α however often one looks.
pub fn e_value(wins: u64, losses: u64) -> f64 {
    let (a, b) = (wins as f64 + 0.5, losses as f64 + 0.5);
    let upper_half = Beta::new(a, b).map_or(0.0, |beta| beta.sf(0.5));
    let ln = (wins + losses) as f64 * std::f64::consts::LN_2 + ln_beta(a, b) - ln_beta(0.5, 0.5)
        + std::f64::consts::LN_2
        + upper_half.ln();
    ln.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_against_hand_counted_cases() {
        assert_eq!(mcnemar_p(0, 0), 1.0);
        assert!((mcnemar_p(5, 0) - 1.0 / 32.0).abs() < 1e-12);
        assert!((mcnemar_p(2, 1) - 0.5).abs() < 1e-12);
        assert!((mcnemar_p(1, 2) - 7.0 / 8.0).abs() < 1e-12);
    }

    #[test]
    fn without_data_there_is_no_evidence() {
        assert!((e_value(0, 0) - 1.0).abs() < 1e-9);
        assert!(e_value(20, 2) > 20.0);
        assert!(e_value(2, 20) < 1.0);
    }

    /// The mean of E over all fair sequences of length n is exactly 1: enumerate them by their win count.
    #[test]
    fn its_mean_under_no_difference_is_one() {
        for n in [1_u64, 4, 9] {
            let mean: f64 = (0..=n)
                .map(|w| {
                    let ways: f64 = (0..w).map(|i| (n - i) as f64 / (w - i) as f64).product();
                    ways / 2f64.powi(n as i32) * e_value(w, n - w)
                })
                .sum();
            assert!((mean - 1.0).abs() < 1e-9, "n {n}: {mean}");
        }
    }
}
