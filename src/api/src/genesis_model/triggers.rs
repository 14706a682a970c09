use genesis_core::triggers::TriggerPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When the loop trains. The first threshold that is reached starts a TrainingRun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TriggersSpec {
    /// Train after this many new learnings.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub min_new_learnings: i64,
    /// Train after this many seconds, if anything at all was learned.
    #[schemars(range(min = 1, max = 315_360_000))]
    pub max_age_seconds: i64,
    /// Train when the average quality falls below this; 9000 is 90 %.
    #[schemars(range(min = 0, max = 10_000))]
    pub quality_floor_basis_points: i32,
    /// The average counts only over at least this many generations.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub quality_min_samples: i64,
    /// Never train on fewer verified rows than this.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_verified_rows: i64,
    /// Seconds to wait after a turn has ended, whatever its end.
    #[schemars(range(min = 0, max = 315_360_000))]
    pub cooldown_seconds: i64,
}

impl Default for TriggersSpec {
    fn default() -> Self {
        let policy = TriggerPolicy::default();
        Self {
            min_new_learnings: policy.min_new_learnings as i64,
            max_age_seconds: policy.max_age_seconds,
            quality_floor_basis_points: policy.quality_floor_basis_points as i32,
            quality_min_samples: policy.quality_min_samples as i64,
            min_verified_rows: policy.min_verified_rows as i64,
            cooldown_seconds: policy.cooldown_seconds,
        }
    }
}

impl From<&TriggersSpec> for TriggerPolicy {
    fn from(spec: &TriggersSpec) -> Self {
        Self {
            min_new_learnings: spec.min_new_learnings.unsigned_abs(),
            max_age_seconds: spec.max_age_seconds,
            quality_floor_basis_points: spec.quality_floor_basis_points.unsigned_abs(),
            quality_min_samples: spec.quality_min_samples.unsigned_abs(),
            min_verified_rows: spec.min_verified_rows.unsigned_abs(),
            cooldown_seconds: spec.cooldown_seconds,
        }
    }
}
