//! One answer: the generation, its candidates, and everything that is learned from it.

use genesis_core::digest::Digest;
use genesis_core::execution::{ExecutionRecord, Outcome};
use genesis_core::quality::Quality;
use genesis_core::task::Language;
use serde::{Deserialize, Serialize};

use super::learning::NewLearning;
use super::pattern::{NewPattern, NewRelation, PatternUse};
use super::{Scope, TaskRef};

/// Which side of a canary answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Arm {
    /// The champion.
    #[default]
    Stable,
    /// The adapter on trial.
    Canary,
}

/// Which way of thinking produced a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Pathway {
    /// Low temperature, plan first, patterns shown.
    Analytical,
    /// Higher temperature, patterns withheld with a known probability.
    Creative,
    /// Combines the best of the two.
    Fusion,
}

/// What the gate said about a candidate, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRecord {
    /// No finding blocks.
    pub passed: bool,
    /// Findings that only lower the score.
    pub warnings: u32,
    /// The rules in force.
    pub ruleset: Digest,
    /// The findings, as the gate wrote them.
    pub findings: serde_json::Value,
    /// Time the gate took, microseconds.
    pub micros: u64,
}

/// One program that was considered as the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewCandidate {
    /// Which pathway.
    pub pathway: Pathway,
    /// What the model wrote: the answer of a dataset row.
    pub completion: String,
    /// The whole program that was judged.
    pub source: String,
    /// Digest of the source without what does not change its meaning; equal answers have equal digests.
    pub normalised: Digest,
    /// Patterns that were in its context.
    pub patterns_shown: Vec<String>,
    /// Patterns that were retrieved for it and withheld.
    pub patterns_withheld: Vec<String>,
    /// The gate's verdict.
    pub gate: GateRecord,
    /// The sandbox's record; `None` if the gate refused it before it ran.
    pub execution: Option<ExecutionRecord>,
    /// Pass, fail, infra or unverified.
    pub outcome: Outcome,
    /// Its score; `None` for an infra outcome.
    pub quality: Option<Quality>,
    /// Whether it enters the corpus (`genesis_core::quality::enters_corpus`). Needs a task.
    pub enters_corpus: bool,
}

/// Everything one request gave. Committed as a whole or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewGeneration {
    /// Whose.
    pub scope: Scope,
    /// Unique within the tenant. The same key with the same request is the same generation.
    pub idempotency_key: String,
    /// Digest of what was asked; a known key with another request is refused.
    pub request: Digest,
    /// The consumer's session, by which routing is sticky.
    pub session: Option<String>,
    /// Which side of a canary answered.
    pub arm: Arm,
    /// The name under which the inference server served the model that answered.
    pub served_name: String,
    /// Digest of the adapter that answered; `None` for the base model.
    pub adapter: Option<Digest>,
    /// The task, where the request names one.
    pub task: Option<TaskRef>,
    /// Language of the answer.
    pub language: Language,
    /// The start of the program, as the consumer asked for it (without patterns).
    pub prompt: String,
    /// Position in `candidates` of the one that was served; `None` if none could be.
    pub answered: Option<u32>,
    /// Outcome of the answer.
    pub outcome: Outcome,
    /// Score of the answer; `None` for an infra outcome.
    pub quality: Option<Quality>,
    /// Outcome of the first sample, before the best of several was chosen: what a canary compares.
    pub first_sample: Outcome,
    /// The candidates.
    pub candidates: Vec<NewCandidate>,
    /// What was learned.
    pub learnings: Vec<NewLearning>,
    /// Patterns found in this answer: new ones, or new versions of known ones.
    pub patterns: Vec<NewPattern>,
    /// What this answer says about the patterns that were retrieved for it.
    pub pattern_uses: Vec<PatternUse>,
    /// Relations between patterns that this answer shows.
    pub relations: Vec<NewRelation>,
    /// What the consumer was told; a repeat of the key gets it again.
    pub response: serde_json::Value,
    /// When.
    pub at_ms: i64,
}

/// Says what was committed. A caller that holds one may answer its consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Id of the generation, a UUID that depends on tenant and key only.
    pub generation: String,
    /// Position in the ledger: grows with every generation, over all tenants.
    pub sequence: u64,
    /// The key was known: nothing was written and `response` is the first one.
    pub repeated: bool,
    /// What the consumer was told.
    pub response: serde_json::Value,
    /// Sequence number of the model's newest learning.
    pub watermark: u64,
    /// Learnings captured by this generation.
    pub learnings: u32,
    /// New entries in the corpus.
    pub corpus_added: u32,
}
