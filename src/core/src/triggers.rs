//! When the loop trains: the three triggers, and what holds them back.

use serde::{Deserialize, Serialize};

/// The thresholds, from `spec.triggers`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriggerPolicy {
    /// Train after this many new learnings.
    pub min_new_learnings: u64,
    /// Train after this many seconds, if anything at all was learned.
    pub max_age_seconds: i64,
    /// Train when the quality average falls below this, in basis points.
    pub quality_floor_basis_points: u32,
    /// The quality average counts only over at least this many generations.
    pub quality_min_samples: u64,
    /// Never train on fewer verified rows than this.
    pub min_verified_rows: u64,
    /// Seconds to wait after a run has ended, whatever its end.
    pub cooldown_seconds: i64,
}

impl Default for TriggerPolicy {
    fn default() -> Self {
        Self {
            min_new_learnings: 100,
            max_age_seconds: 7 * 24 * 3600,
            quality_floor_basis_points: 9_000,
            quality_min_samples: 100,
            min_verified_rows: 50,
            cooldown_seconds: 600,
        }
    }
}

/// What is known when the question is asked. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TriggerFacts {
    /// Learnings since the last training's watermark.
    pub new_learnings: u64,
    /// Verified rows a dataset could use.
    pub verified_rows: u64,
    /// Mean quality of the window, `[0, 1]`.
    pub quality_average: f64,
    /// Generations in the window.
    pub quality_samples: u64,
    /// When the last training ended; the model's creation where there was none.
    pub last_training: i64,
    /// Whether there was one.
    pub trained_before: bool,
    /// Now.
    pub now: i64,
}

/// Why training starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr)]
pub enum Trigger {
    /// Enough new learnings.
    LearningThreshold,
    /// Long enough ago, and something was learned.
    TimeThreshold,
    /// Quality fell.
    PerformanceThreshold,
}

/// Why it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr)]
pub enum Held {
    /// No threshold is reached.
    BelowThresholds,
    /// One is, but the last run ended too recently.
    CoolingDown,
    /// One is, but there is too little verified work to train on.
    TooFewVerifiedRows,
}

/// Whether to train now, and why or why not.
pub fn decide(policy: &TriggerPolicy, facts: &TriggerFacts) -> Result<Trigger, Held> {
    let trigger = reached(policy, facts).ok_or(Held::BelowThresholds)?;
    if facts.trained_before && facts.now - facts.last_training < policy.cooldown_seconds {
        return Err(Held::CoolingDown);
    }
    if facts.verified_rows < policy.min_verified_rows.max(1) {
        return Err(Held::TooFewVerifiedRows);
    }
    Ok(trigger)
}

fn reached(policy: &TriggerPolicy, facts: &TriggerFacts) -> Option<Trigger> {
    // Nothing new is no reason: the same rows would give the same adapter.
    if facts.new_learnings == 0 {
        return None;
    }
    if facts.new_learnings >= policy.min_new_learnings {
        return Some(Trigger::LearningThreshold);
    }
    if facts.now - facts.last_training >= policy.max_age_seconds {
        return Some(Trigger::TimeThreshold);
    }
    let enough = facts.quality_samples >= policy.quality_min_samples.max(1);
    let floor = f64::from(policy.quality_floor_basis_points) / 10_000.0;
    (enough && facts.quality_average < floor).then_some(Trigger::PerformanceThreshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> TriggerFacts {
        TriggerFacts {
            new_learnings: 5,
            verified_rows: 500,
            quality_average: 0.95,
            quality_samples: 1_000,
            last_training: 0,
            trained_before: true,
            now: 3_600,
        }
    }

    #[test]
    fn each_trigger_alone() {
        let policy = TriggerPolicy::default();
        let week = 7 * 24 * 3600;
        let cases = [
            (facts(), Err(Held::BelowThresholds)),
            (TriggerFacts { new_learnings: 100, ..facts() }, Ok(Trigger::LearningThreshold)),
            (TriggerFacts { new_learnings: 99, ..facts() }, Err(Held::BelowThresholds)),
            (TriggerFacts { now: week, ..facts() }, Ok(Trigger::TimeThreshold)),
            (TriggerFacts { now: week, new_learnings: 0, ..facts() }, Err(Held::BelowThresholds)),
            (TriggerFacts { quality_average: 0.899, ..facts() }, Ok(Trigger::PerformanceThreshold)),
            (TriggerFacts { quality_average: 0.899, quality_samples: 99, ..facts() }, Err(Held::BelowThresholds)),
            (TriggerFacts { quality_average: 0.1, new_learnings: 0, ..facts() }, Err(Held::BelowThresholds)),
            (TriggerFacts { new_learnings: 100, now: 599, ..facts() }, Err(Held::CoolingDown)),
            (
                TriggerFacts { new_learnings: 100, now: 599, trained_before: false, ..facts() },
                Ok(Trigger::LearningThreshold),
            ),
            (TriggerFacts { new_learnings: 100, verified_rows: 49, ..facts() }, Err(Held::TooFewVerifiedRows)),
        ];
        for (facts, want) in cases {
            assert_eq!(decide(&policy, &facts), want, "{facts:?}");
        }
    }
}
