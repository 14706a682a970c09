//! Learnings and what a revert takes back.

use genesis_core::digest::Digest;
use genesis_core::learning::Lesson;
use serde::{Deserialize, Serialize};

use super::TaskRef;

/// A lesson from one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLearning {
    /// What was learned, from `genesis_core::learning::lesson`.
    pub lesson: Lesson,
    /// Position in the generation of the candidate that is the counter-example.
    pub candidate: u32,
}

/// A captured learning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LearningRecord {
    /// Monotone over the whole ledger; the newest one is the watermark.
    pub sequence: u64,
    /// The GenesisModel, `namespace/name`.
    pub model: String,
    /// What was learned.
    pub lesson: Lesson,
    /// The task it was learned from.
    pub task: Option<TaskRef>,
    /// Id of the generation.
    pub generation: String,
    /// Position of the counter-example in the generation.
    pub candidate: u32,
    /// Id of the execution that earned it.
    pub execution: Option<String>,
    /// The served name that earned it.
    pub served_name: String,
    /// The adapter that earned it; `None` for the base model.
    pub adapter: Option<Digest>,
    /// It was taken back with its adapter.
    pub reverted: bool,
    /// When.
    pub at_ms: i64,
}

/// What a revert took back, in all. Asking again changes nothing and gives the same totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reverted {
    /// Generations that the adapter answered.
    pub generations: u64,
    /// Learnings it earned.
    pub learnings: u64,
    /// Corpus entries it earned.
    pub corpus: u64,
    /// Observations of patterns it made.
    pub pattern_uses: u64,
    /// Versions of patterns it earned, first or again.
    pub pattern_versions: u64,
}
