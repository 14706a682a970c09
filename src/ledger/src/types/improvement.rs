//! Datasets, adapters, evaluations, promotions: what the improvement cycle leaves behind.

use genesis_core::adapter::AdapterRef;
use genesis_core::wire::{ArtifactRef, DatasetSnapshot, Recipe};
use serde::{Deserialize, Serialize};

use super::Scope;

/// A dataset to be frozen under a name. The artifact is in the store before this row names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDataset {
    /// Whose.
    pub scope: Scope,
    /// Name of the TrainingRun.
    pub name: String,
    /// Which rows it took.
    pub recipe: Recipe,
    /// Seed of the selection.
    pub seed: u64,
    /// At most this many answers for one task.
    pub max_per_task: u32,
    /// Up to which learning it was allowed to look.
    pub watermark: Option<u64>,
    /// What the operator is told.
    pub snapshot: DatasetSnapshot,
    /// When.
    pub at_ms: i64,
}

/// An adapter that a training run left in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAdapter {
    /// Whose.
    pub scope: Scope,
    /// The adapter.
    pub adapter: AdapterRef,
    /// Name of the TrainingRun.
    pub training_run: String,
    /// Name of the dataset, if it was frozen here.
    pub dataset: Option<String>,
    /// When.
    pub at_ms: i64,
}

/// The verdict on a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEvaluation {
    /// Whose.
    pub scope: Scope,
    /// Name of the Evaluation.
    pub name: String,
    /// The adapter judged.
    pub candidate: AdapterRef,
    /// What it was compared with; `None` for the base model.
    pub champion: Option<AdapterRef>,
    /// `Pass`, `Fail` or `Inconclusive`.
    pub verdict: String,
    /// The paired table.
    pub report: ArtifactRef,
    /// When.
    pub at_ms: i64,
}

/// A change of champion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPromotion {
    /// Whose.
    pub scope: Scope,
    /// Name of the Rollout.
    pub name: String,
    /// The new champion; `None` is a return to the base model.
    pub adapter: Option<AdapterRef>,
    /// The champion before.
    pub previous: Option<AdapterRef>,
    /// `Promoted` or `RolledBack`.
    pub phase: String,
    /// When.
    pub at_ms: i64,
}

/// Up to where a model has been trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingWatermark {
    /// Sequence number of the newest learning that the last training could see.
    pub watermark: u64,
    /// When it ended; `None` before the first.
    pub trained_at_ms: Option<i64>,
}
