//! Events of the outbox: written in the transaction of the change they tell of.

use genesis_core::execution::Outcome;
use genesis_core::{AdapterRef, Digest};
use serde::{Deserialize, Serialize};

use super::TaskRef;
use super::learning::{LearningRecord, Reverted};
use super::pattern::{PatternRecord, RelationRecord};

/// An event with its position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Position in the outbox: the order of commits, without gaps that could still be filled.
    pub sequence: u64,
    /// Whose.
    pub tenant: String,
    /// When the change happened.
    pub at_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl EventBody {
    /// The model it is about; `None` for what all models of a tenant share.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::LearningCaptured { learning } => Some(&learning.model),
            Self::PatternChanged { pattern } => Some(&pattern.model),
            Self::RelationChanged { .. } => None,
            Self::GenerationRecorded { model, .. }
            | Self::LearningsReverted { model, .. }
            | Self::DatasetFrozen { model, .. }
            | Self::AdapterRecorded { model, .. }
            | Self::EvaluationRecorded { model, .. }
            | Self::ChampionChanged { model, .. } => Some(model),
        }
    }
}

/// What happened. Each event carries the state after it, so that applying one twice changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum EventBody {
    /// A request was answered.
    GenerationRecorded {
        /// Id of the generation.
        generation: String,
        /// The GenesisModel.
        model: String,
        /// The served name that answered.
        served_name: String,
        /// The task.
        task: Option<TaskRef>,
        /// Outcome of the answer.
        outcome: Outcome,
        /// Score of the answer.
        quality: Option<f64>,
        /// Candidates considered.
        candidates: u32,
        /// Learnings captured.
        learnings: u32,
        /// New entries in the corpus.
        corpus_added: u32,
    },
    /// A learning was captured.
    LearningCaptured {
        /// The learning.
        learning: Box<LearningRecord>,
    },
    /// A pattern is new, has a new version or a new score, or was retired.
    PatternChanged {
        /// The pattern after the change.
        pattern: Box<PatternRecord>,
    },
    /// A relation was observed or taken back.
    RelationChanged {
        /// The relation after the change; no observations: it is gone.
        relation: RelationRecord,
    },
    /// Everything an adapter taught was taken back.
    LearningsReverted {
        /// The GenesisModel.
        model: String,
        /// Digest of the adapter.
        adapter: Digest,
        /// What was taken back.
        reverted: Reverted,
    },
    /// A dataset was frozen.
    DatasetFrozen {
        /// The GenesisModel.
        model: String,
        /// Name of the dataset.
        name: String,
        /// Rows.
        rows: u64,
    },
    /// An adapter was recorded.
    AdapterRecorded {
        /// The GenesisModel.
        model: String,
        /// The adapter.
        adapter: AdapterRef,
    },
    /// An evaluation ended.
    EvaluationRecorded {
        /// The GenesisModel.
        model: String,
        /// Name of the evaluation.
        name: String,
        /// Its verdict.
        verdict: String,
    },
    /// The champion changed.
    ChampionChanged {
        /// The GenesisModel.
        model: String,
        /// Name of the rollout.
        name: String,
        /// The new champion; `None` for the base model.
        adapter: Option<AdapterRef>,
    },
}
