use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Below this many families the normal approximation is poor, and the bootstrap's bound is used as well.
const MANY_FAMILIES: usize = 100;
const RESAMPLES: usize = 4_000;

/// A mean paired difference with standard error clustered by family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClusteredDifference {
    /// Mean over tasks.
    pub estimate: f64,
    /// Its standard error, clustered by family (Miller 2024, "Adding Error Bars to Evals").
    pub standard_error: f64,
    /// Lower end of the one-sided interval.
    pub lower: f64,
    /// Upper end of the one-sided interval on the other side.
    pub upper: f64,
}

/// The mean of paired differences with one-sided bounds at `confidence` each way.
///
/// `families` holds for each family the sum of its tasks' differences and how many tasks it has. The bounds
/// are Student's t on the clustered standard error; below 100 families the wider of that and a seeded family
/// bootstrap is taken. With fewer than two families the bounds are infinite: nothing can be said.
pub fn clustered_difference(families: &[(f64, u64)], confidence: f64, seed: u64) -> ClusteredDifference {
    let tasks: u64 = families.iter().map(|family| family.1).sum();
    let none = ClusteredDifference {
        estimate: 0.0,
        standard_error: f64::INFINITY,
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
    };
    if tasks == 0 {
        return none;
    }
    let estimate = mean(families.iter().copied());
    let clusters = families.len();
    if clusters < 2 {
        return ClusteredDifference { estimate, ..none };
    }
    let n = tasks as f64;
    let squares: f64 = families.iter().map(|(sum, count)| (sum - *count as f64 * estimate).powi(2)).sum();
    let correction = clusters as f64 / (clusters as f64 - 1.0);
    let standard_error = (correction * squares).sqrt() / n;
    let quantile = StudentsT::new(0.0, 1.0, clusters as f64 - 1.0).map_or(f64::INFINITY, |t| t.inverse_cdf(confidence));
    let (mut lower, mut upper) = (estimate - quantile * standard_error, estimate + quantile * standard_error);
    if clusters < MANY_FAMILIES {
        let (low, high) = bootstrap(families, confidence, seed);
        lower = lower.min(low);
        upper = upper.max(high);
    }
    ClusteredDifference { estimate, standard_error, lower, upper }
}

fn mean(families: impl Iterator<Item = (f64, u64)>) -> f64 {
    let (sum, count) = families.fold((0.0, 0_u64), |(sum, count), (s, c)| (sum + s, count + c));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

fn bootstrap(families: &[(f64, u64)], confidence: f64, seed: u64) -> (f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| mean((0..families.len()).map(|_| families[rng.random_range(0..families.len())])))
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |p: f64| means[((RESAMPLES - 1) as f64 * p).round() as usize];
    (at(1.0 - confidence), at(confidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_difference_has_no_error() {
        let families = vec![(2.0, 4); 20];
        let got = clustered_difference(&families, 0.95, 1);
        assert!((got.estimate - 0.5).abs() < 1e-12);
        assert!(got.standard_error < 1e-12 && (got.lower - 0.5).abs() < 1e-9);
    }

    #[test]
    fn one_family_says_nothing_however_many_tasks_it_has() {
        let got = clustered_difference(&[(50.0, 100)], 0.95, 1);
        assert_eq!(got.estimate, 0.5);
        assert_eq!(got.lower, f64::NEG_INFINITY);
        assert_eq!(clustered_difference(&[], 0.95, 1).lower, f64::NEG_INFINITY);
    }

    #[test]
    fn families_that_agree_inside_count_once_not_per_task() {
        // Ten tasks a family that all move together carry as much as one task a family.
        let wide: Vec<(f64, u64)> = (0..120).map(|i| (if i % 3 == 0 { -10.0 } else { 10.0 }, 10)).collect();
        let thin: Vec<(f64, u64)> = (0..120).map(|i| (if i % 3 == 0 { -1.0 } else { 1.0 }, 1)).collect();
        let (a, b) = (clustered_difference(&wide, 0.95, 1), clustered_difference(&thin, 0.95, 1));
        assert!((a.standard_error - b.standard_error).abs() < 1e-12);
    }

    /// Under no difference the lower bound is above zero in about 5 % of draws, not more.
    #[test]
    fn the_one_sided_error_is_near_its_nominal_level() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let runs = 400;
        let wrong = (0..runs)
            .filter(|run| {
                let families: Vec<(f64, u64)> = (0..40).map(|_| (rng.random_range(-1.0..1.0), 3)).collect();
                clustered_difference(&families, 0.95, *run).lower > 0.0
            })
            .count();
        assert!(wrong <= 34, "{wrong} of {runs} where 20 are expected");
    }

    #[test]
    fn the_same_seed_gives_the_same_bounds() {
        let families: Vec<(f64, u64)> = (0..30).map(|i| (f64::from(i % 5) - 2.0, 3)).collect();
        assert_eq!(clustered_difference(&families, 0.95, 3), clustered_difference(&families, 0.95, 3));
    }
}
