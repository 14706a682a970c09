/// Unbiased pass@k of `c` successes among `n` samples: `1 − C(n−c, k) / C(n, k)`, as the product
/// `1 − Π_{i=n−c+1..n} (1 − k/i)` (Chen et al. 2021, "Evaluating Large Language Models Trained on Code").
///
/// With fewer than `k` samples it is estimated with `k = n`.
pub fn pass_at_k(n: u64, c: u64, k: u64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let (c, k) = (c.min(n), k.min(n));
    if n - c < k {
        return 1.0;
    }
    1.0 - (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(n: u64, k: u64) -> f64 {
        (0..k).map(|i| (n - i) as f64 / (k - i) as f64).product()
    }

    #[test]
    fn equals_the_binomial_form() {
        for n in 1..=16 {
            for c in 0..=n {
                for k in 1..=n {
                    let want = if n - c < k { 1.0 } else { 1.0 - choose(n - c, k) / choose(n, k) };
                    assert!((pass_at_k(n, c, k) - want).abs() < 1e-12, "n {n} c {c} k {k}");
                }
            }
        }
    }

    #[test]
    fn pass_at_1_is_the_rate_and_no_samples_is_zero() {
        assert!((pass_at_k(8, 3, 1) - 0.375).abs() < 1e-12);
        assert_eq!(pass_at_k(0, 0, 8), 0.0);
    }
}
