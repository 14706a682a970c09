//! Patterns: verified answers worth showing again, with what is known of their worth.

use genesis_core::confidence::{Exposure, PatternStanding};
use genesis_core::digest::Digest;
use genesis_core::execution::Outcome;
use genesis_core::learning::Relation;
use genesis_core::task::Language;
use serde::{Deserialize, Serialize};

use super::TaskRef;

/// A pattern that an answer earned: a new one, or a new version of a known one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewPattern {
    /// Chosen by the caller from what the pattern is about. A known id with another body is a new version.
    pub id: String,
    /// One line for a person.
    pub title: String,
    /// The text it is retrieved by: the prompt it answered.
    pub prompt: String,
    /// What is shown to the model.
    pub body: String,
    /// Position of the candidate that earned it.
    pub candidate: u32,
}

/// What one candidate says about one retrieved pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatternUse {
    /// The pattern.
    pub pattern: String,
    /// Position of the candidate.
    pub candidate: u32,
    /// Shown or withheld.
    pub exposure: Exposure,
    /// Probability with which this exposure was drawn, in `(0, 1]`: kept for inverse-propensity estimates.
    pub propensity: f64,
    /// Patterns that shared the context, this one included.
    pub in_context: u32,
    /// What became of the candidate.
    pub outcome: Outcome,
    /// Its score in `[0, 1]`.
    pub quality: f64,
}

/// One observation of how two patterns are connected. Observations add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRelation {
    /// From this pattern.
    pub from: String,
    /// To this one.
    pub to: String,
    /// How they are connected.
    pub kind: Relation,
}

/// A connection with everything that was observed of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelationRecord {
    /// From this pattern.
    pub from: String,
    /// To this one.
    pub to: String,
    /// How they are connected.
    pub kind: Relation,
    /// How often it was observed, without what was reverted. 0: it is gone.
    pub observations: u64,
}

/// A pattern as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatternRecord {
    /// Its id.
    pub id: String,
    /// The GenesisModel that earned it first.
    pub model: String,
    /// Version of the body, from 1.
    pub version: u32,
    /// Grows with every change of the record: of two records, the one with the larger revision is the newer.
    pub revision: u64,
    /// One line for a person.
    pub title: String,
    /// The text it is retrieved by.
    pub prompt: String,
    /// What is shown to the model.
    pub body: String,
    /// Language of the body.
    pub language: Language,
    /// The task that earned this version.
    pub task: Option<TaskRef>,
    /// Generation that earned this version.
    pub generation: String,
    /// Execution that earned this version.
    pub execution: Option<String>,
    /// Adapter that earned this version; `None` for the base model.
    pub adapter: Option<Digest>,
    /// What it is worth: the fold of `genesis_core::confidence::updated` over its observations.
    pub standing: PatternStanding,
    /// Observations with the pattern shown.
    pub uses: u64,
    /// Of these, passed.
    pub successes: u64,
    /// Distinct tasks that verified it: the one that earned it, and those on which it was shown and passed.
    pub verified_tasks: u64,
    /// It is no longer retrieved: every version was reverted.
    pub retired: bool,
    /// When this version was written.
    pub at_ms: i64,
}
