//! Numbers over many rows.

use genesis_core::dataset::Answered;
use serde::{Deserialize, Serialize};

/// What `/feedback/statistics` shows. Counts are since the beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackStatistics {
    /// Generations: turns of the loop.
    pub generations: u64,
    /// Answers that passed every test.
    pub passed: u64,
    /// Answers that did not.
    pub failed: u64,
    /// Answers without tests.
    pub unverified: u64,
    /// Generations without an answer for a reason of ours.
    pub infra: u64,
    /// `passed / (passed + failed)`; `None` before the first.
    pub success_rate: Option<f64>,
    /// Mean quality of all scored answers, the untested included; `None` before the first.
    pub quality_average: Option<f64>,
    /// Mean quality of the newest tested answers: what the performance trigger looks at.
    pub recent_quality_average: Option<f64>,
    /// Answers by band.
    pub bands: Bands,
    /// Programs executed.
    pub executions: u64,
    /// Learnings captured, without the reverted.
    pub learnings: u64,
    /// Learnings that were taken back.
    pub learnings_reverted: u64,
    /// Distinct verified answers.
    pub corpus_entries: u64,
    /// Patterns in use.
    pub patterns: u64,
    /// Mean of their confidence; `None` before the first.
    pub patterns_confidence_average: Option<f64>,
    /// Datasets frozen for training.
    pub datasets: u64,
    /// Adapters recorded.
    pub adapters: u64,
}

/// Answers by band of quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bands {
    /// From 0.90.
    pub excellent: u64,
    /// From 0.75.
    pub good: u64,
    /// From 0.50.
    pub acceptable: u64,
    /// Below.
    pub poor: u64,
}

/// Everything a dataset is selected from (`genesis_core::dataset::select`), read in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetInputs {
    /// Executed answers in the order in which they were earned; `verified` are the entries of the corpus.
    pub answers: Vec<Answered>,
    /// Sequence number of the newest learning at that moment.
    pub watermark: u64,
}
