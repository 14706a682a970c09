use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decimal, PodSettings};

/// What TrainingRuns are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrainingTemplate {
    /// Shape of the adapter.
    pub lora: LoraSpec,
    /// Of the optimiser.
    pub hyperparameters: Hyperparameters,
    /// How often work is saved.
    pub checkpoint: CheckpointSpec,
    /// Most distinct answers to one task in a dataset.
    #[schemars(range(min = 1, max = 1000))]
    pub max_per_task: i32,
    /// Seed of selection, initial weights and order of the rows.
    #[schemars(range(min = 0))]
    pub seed: i64,
    /// Pod failures that are forgiven. A preempted pod is not counted.
    #[schemars(range(min = 0, max = 100))]
    pub backoff_limit: i32,
    /// Seconds a run may take with all its retries.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub active_deadline_seconds: i64,
    /// Seconds after its end at which a run's Job and pods are deleted; the run itself goes by the history limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<i32>,
    /// The trainer's pod.
    pub trainer: PodSettings,
}

impl Default for TrainingTemplate {
    fn default() -> Self {
        Self {
            lora: LoraSpec::default(),
            hyperparameters: Hyperparameters::default(),
            checkpoint: CheckpointSpec::default(),
            max_per_task: 4,
            seed: 7,
            backoff_limit: 3,
            active_deadline_seconds: 24 * 3600,
            ttl_seconds_after_finished: None,
            trainer: PodSettings::default(),
        }
    }
}

/// Shape of an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoraSpec {
    /// Rank of the two factors.
    #[schemars(range(min = 1, max = 512))]
    pub rank: i32,
    /// Scale; the update is multiplied by alpha / rank.
    #[schemars(range(min = 1, max = 4096))]
    pub alpha: i32,
}

impl Default for LoraSpec {
    fn default() -> Self {
        Self { rank: 8, alpha: 16 }
    }
}

/// Of the optimiser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Hyperparameters {
    /// Highest learning rate of the schedule.
    pub learning_rate: Decimal,
    /// Times every row is seen.
    #[schemars(range(min = 1, max = 1000))]
    pub epochs: i32,
    /// Rows in a step.
    #[schemars(range(min = 1, max = 65_536))]
    pub batch_size: i32,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self { learning_rate: Decimal::new("5e-3"), epochs: 3, batch_size: 32 }
    }
}

/// How often work is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckpointSpec {
    /// Steps between two checkpoints.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub period_steps: i32,
}

impl Default for CheckpointSpec {
    fn default() -> Self {
        Self { period_steps: 20 }
    }
}
