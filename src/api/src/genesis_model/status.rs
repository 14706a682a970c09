use genesis_core::promotion::Verdict;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AdapterReference, Decimal, schema};

/// What the operator has seen and done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GenesisModelStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, AdapterLoaded, LoopActive; Reconciling and Stalled while they hold.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The champion. The base answers where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_adapter: Option<CurrentAdapter>,
    /// The champion before it, kept loaded: requests it had begun are answered, and going back is quick.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_adapter: Option<CurrentAdapter>,
    /// The adapter that is being evaluated or rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate_adapter: Option<CurrentAdapter>,
    /// Newest turn of the loop; names of its objects end in it.
    pub revision: i64,
    /// Ended turns, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub history: Vec<HistoryEntry>,
    /// Serving pods that are asked for.
    pub replicas: i32,
    /// Serving pods that are ready.
    pub ready_replicas: i32,
    /// Ready pods on which the current adapter is proved.
    pub updated_replicas: i32,
    /// TrainingRun at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_training_run: Option<String>,
    /// Evaluation at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_evaluation: Option<String>,
    /// Rollout at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_rollout: Option<String>,
    /// What the gateway has learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning: Option<LearningStatus>,
    /// The newest learning that the last TrainingRun could see.
    pub watermark: i64,
    /// End of the last turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub last_training_time: Option<Timestamp>,
    /// The last verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluation: Option<LastEvaluation>,
    /// Turns in a row that ended without a promotion.
    pub consecutive_rejections: i32,
    /// Generation at which `consecutiveRejections` began to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejections_generation: Option<i64>,
}

/// An adapter with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentAdapter {
    /// The name under which servers have it.
    pub name: String,
    /// Where and which.
    #[serde(flatten)]
    pub adapter: AdapterReference,
    /// The turn that made it; 0 for one that a person named.
    #[serde(default)]
    pub revision: i64,
    /// Since when all traffic is its.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub promoted_time: Option<Timestamp>,
    /// The Rollout that promoted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_name: Option<String>,
    /// Its pass@1 in the deciding suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Decimal>,
}

/// How a turn of the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum TurnOutcome {
    /// The candidate is the champion.
    Promoted,
    /// It did not pass its evaluation.
    Rejected,
    /// It passed and was taken off again.
    RolledBack,
    /// Its rollout was ended by a person or a newer candidate.
    Withdrawn,
    /// No adapter, or no verdict, came out.
    Failed,
}

/// An ended turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Its number.
    pub revision: i64,
    /// Its end.
    pub outcome: TurnOutcome,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub time: Option<Timestamp>,
    /// Its adapter, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterReference>,
    /// Why, in a sentence.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// What the gateway has learned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LearningStatus {
    /// Learnings ever.
    pub total: i64,
    /// Learnings after the watermark.
    pub new: i64,
    /// Rows a dataset could take.
    pub verified_rows: i64,
    /// Average quality of the last generations, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_average: Option<Decimal>,
    /// How many generations it is taken over.
    pub quality_samples: i64,
    /// Programs executed ever.
    pub executions: i64,
}

/// A verdict in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastEvaluation {
    /// The Evaluation.
    pub name: String,
    /// Its verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_verdict")]
    pub verdict: Option<Verdict>,
    /// The numbers.
    #[schemars(length(max = 1024))]
    pub message: String,
}
