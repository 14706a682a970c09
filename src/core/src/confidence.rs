//! How much a pattern is trusted: a simple rule for people, discounted counts for ranking.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

use crate::execution::Outcome;

/// Confidence a pattern starts with.
pub const INITIAL_CONFIDENCE: f64 = 0.5;
/// Each new outcome discounts the older ones by this (a half-life of about 140 outcomes).
pub const DISCOUNT: f64 = 0.995;
/// One pattern in a context with others gets at least this share of the outcome.
const MIN_ATTRIBUTION: f64 = 1.0 / 3.0;

/// What is kept about one pattern.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatternStanding {
    /// Confidence as people are shown it, `[0, 1]`.
    pub confidence: f64,
    /// Discounted successes with the pattern in context.
    pub shown_successes: f64,
    /// Discounted failures with the pattern in context.
    pub shown_failures: f64,
    /// Discounted successes where it was retrieved and withheld.
    pub withheld_successes: f64,
    /// Discounted failures where it was retrieved and withheld.
    pub withheld_failures: f64,
}

impl Default for PatternStanding {
    fn default() -> Self {
        Self {
            confidence: INITIAL_CONFIDENCE,
            shown_successes: 0.0,
            shown_failures: 0.0,
            withheld_successes: 0.0,
            withheld_failures: 0.0,
        }
    }
}

/// Whether the model saw the pattern or it was withheld to measure what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Exposure {
    /// It stood in the context.
    Shown,
    /// It was retrieved and left out.
    Withheld,
}

/// The additive rule for people: `+ quality·0.1` on success with quality ≥ 0.75, `− 0.1` on failure or quality < 0.50,
/// clamped to `[0, 1]`.
pub fn updated_confidence(confidence: f64, outcome: Outcome, quality: f64) -> f64 {
    let change = match outcome {
        Outcome::Infra => 0.0,
        Outcome::Pass if quality >= 0.75 => quality * 0.1,
        Outcome::Pass | Outcome::Unverified if quality >= 0.50 => 0.0,
        Outcome::Pass | Outcome::Unverified | Outcome::Fail => -0.1,
    };
    (confidence + change).clamp(0.0, 1.0)
}

/// The standing after one more outcome, for a pattern that shared the context with `in_context − 1` others.
pub fn updated(
    standing: &PatternStanding,
    exposure: Exposure,
    outcome: Outcome,
    quality: f64,
    in_context: usize,
) -> PatternStanding {
    let success = match outcome {
        Outcome::Infra | Outcome::Unverified => return *standing,
        Outcome::Pass => 1.0,
        Outcome::Fail => 0.0,
    };
    let weight = (1.0 / in_context.max(1) as f64).max(MIN_ATTRIBUTION);
    let add = |old: f64, share: f64| old * DISCOUNT + weight * share;
    match exposure {
        Exposure::Shown => PatternStanding {
            confidence: updated_confidence(standing.confidence, outcome, quality),
            shown_successes: add(standing.shown_successes, success),
            shown_failures: add(standing.shown_failures, 1.0 - success),
            ..*standing
        },
        Exposure::Withheld => PatternStanding {
            withheld_successes: add(standing.withheld_successes, success),
            withheld_failures: add(standing.withheld_failures, 1.0 - success),
            ..*standing
        },
    }
}

impl PatternStanding {
    /// Lower 5 % bound of the success rate with the pattern shown, prior Beta(1, 1). This ranks: the additive
    /// confidence saturates, this does not.
    pub fn lower_bound(&self) -> f64 {
        quantile(self.shown_successes, self.shown_failures, 0.05)
    }

    /// `E[y | shown] − E[y | withheld]`: what showing it is worth. `None` until it has been withheld and shown.
    pub fn uplift(&self) -> Option<f64> {
        let shown = self.shown_successes + self.shown_failures;
        let withheld = self.withheld_successes + self.withheld_failures;
        (shown >= 1.0 && withheld >= 1.0).then(|| self.shown_successes / shown - self.withheld_successes / withheld)
    }

    /// Whether it is to be retired: even at its best (95 % of shown, 5 % of withheld) it does harm.
    pub fn harmful(&self) -> bool {
        quantile(self.shown_successes, self.shown_failures, 0.95)
            < quantile(self.withheld_successes, self.withheld_failures, 0.05)
    }
}

fn quantile(successes: f64, failures: f64, p: f64) -> f64 {
    Beta::new(1.0 + successes, 1.0 + failures).map_or(0.0, |beta| beta.inverse_cdf(p))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_briefs_rule() {
        for (start, outcome, quality, want) in [
            (0.5, Outcome::Pass, 0.9, 0.59),
            (0.5, Outcome::Pass, 0.75, 0.575),
            (0.5, Outcome::Pass, 0.74, 0.5),
            (0.5, Outcome::Pass, 0.49, 0.4),
            (0.5, Outcome::Fail, 0.9, 0.4),
            (0.05, Outcome::Fail, 0.2, 0.0),
            (0.98, Outcome::Pass, 1.0, 1.0),
            (0.5, Outcome::Infra, 0.0, 0.5),
            (0.5, Outcome::Unverified, 0.6, 0.5),
        ] {
            let got = updated_confidence(start, outcome, quality);
            assert!((got - want).abs() < 1e-12, "{start} {outcome} {quality}: {got}");
        }
    }

    fn after(exposure: Exposure, outcome: Outcome, times: usize, start: PatternStanding) -> PatternStanding {
        (0..times).fold(start, |s, _| updated(&s, exposure, outcome, 0.9, 1))
    }

    #[test]
    fn a_pattern_that_hurts_is_found_by_withholding_it() {
        let hurts = after(Exposure::Shown, Outcome::Fail, 30, PatternStanding::default());
        assert!(!hurts.harmful(), "without the other arm nothing is known");
        let hurts = after(Exposure::Withheld, Outcome::Pass, 30, hurts);
        assert!(hurts.harmful() && hurts.uplift().unwrap() < -0.9);
        let helps = after(
            Exposure::Withheld,
            Outcome::Fail,
            30,
            after(Exposure::Shown, Outcome::Pass, 30, PatternStanding::default()),
        );
        assert!(!helps.harmful() && helps.uplift().unwrap() > 0.9);
    }

    #[test]
    fn one_lucky_success_ranks_below_many() {
        let lucky = after(Exposure::Shown, Outcome::Pass, 1, PatternStanding::default());
        let proven = after(Exposure::Shown, Outcome::Pass, 40, PatternStanding::default());
        assert!(proven.lower_bound() > lucky.lower_bound());
    }

    proptest! {
        #[test]
        fn confidence_stays_in_its_interval(start in 0.0f64..=1.0, quality in 0.0f64..=1.0, pass: bool) {
            let outcome = if pass { Outcome::Pass } else { Outcome::Fail };
            let got = updated_confidence(start, outcome, quality);
            prop_assert!((0.0..=1.0).contains(&got));
        }
    }
}
