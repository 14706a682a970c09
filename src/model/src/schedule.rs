//! Learning rates as functions of the step.

use std::f64::consts::PI;

/// How the learning rate of a run goes up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// Up over the first twentieth, then along a cosine down to a tenth: for adapters.
    Cosine,
    /// Up over `warmup` steps, flat until 60 %, then straight down to a fiftieth: for pre-training
    /// (the "warm-up, stable, decay" of MiniCPM).
    Flat {
        /// Steps of the way up.
        warmup: usize,
    },
}

impl Schedule {
    /// Share of the peak rate at `step` (from 0) of `steps`.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        let done = step as f64 / steps.max(1) as f64;
        let rise = |warmup: f64| ((step + 1) as f64 / warmup.max(1.0)).min(1.0);
        match self {
            Self::Cosine => rise(steps as f64 / 20.0) * (0.1 + 0.45 * (1.0 + (PI * done).cos())),
            Self::Flat { warmup } => {
                rise(warmup as f64) * if done < 0.6 { 1.0 } else { ((1.0 - done) / 0.4).max(0.02) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_rises_peaks_and_ends_near_a_tenth() {
        let at = |step| Schedule::Cosine.factor(step, 100);
        assert!((at(0) - 0.2).abs() < 1e-12 && at(0) < at(3));
        assert!((at(50) - 0.55).abs() < 1e-12);
        assert!(at(99) > 0.1 && at(99) < 0.101);
    }

    #[test]
    fn a_flat_schedule_has_three_parts() {
        let at = |step| Schedule::Flat { warmup: 100 }.factor(step, 1000);
        assert_eq!((at(0), at(49), at(99), at(599)), (0.01, 0.5, 1.0, 1.0));
        assert!((at(800) - 0.5).abs() < 1e-12);
        assert_eq!(at(999), 0.02);
    }

    #[test]
    fn the_shortest_runs_have_a_rate() {
        assert!(Schedule::Cosine.factor(0, 1) > 0.9);
        assert!(Schedule::Flat { warmup: 100 }.factor(0, 1) > 0.0);
    }
}
