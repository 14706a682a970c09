use genesis_core::Digest;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AdapterReference, Decimal, schema};

/// How far a run is. Derived from the conditions, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum TrainingPhase {
    /// Not begun.
    #[default]
    Pending,
    /// At work.
    Running,
    /// Held.
    Suspended,
    /// Ended well.
    Complete,
    /// Ended badly.
    Failed,
}

impl TrainingPhase {
    /// Whether it has ended.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// What has become of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrainingRunStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Suspended, Complete, Failed; Reconciling and Stalled while they hold.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The conditions in a word.
    pub phase: TrainingPhase,
    /// And in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// What it learns from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetStatus>,
    /// What the trainer told last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trainer_status: Option<TrainerStatus>,
    /// The last checkpoint on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_checkpoint: Option<Checkpoint>,
    /// The step at which the present attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed_from_step: Option<i64>,
    /// Attempts begun, preempted ones among them.
    pub attempts: i32,
    /// Failures that count towards `backoffLimit`.
    pub attempts_count_towards_limit: i32,
    /// Why the last attempt gave up, or which checkpoint had to be passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<JobFailure>,
    /// What came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<TrainedAdapter>,
    /// Its Job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// When the Job was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub completion_time: Option<Timestamp>,
    /// From start to completion, `93s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
}

/// A frozen dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatasetStatus {
    /// JSON lines.
    #[schemars(schema_with = "schema::artifact_uri")]
    pub uri: String,
    /// Digest of the file.
    #[schemars(schema_with = "schema::digest")]
    pub digest: Digest,
    /// Rows, where the gateway counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// Tasks, where the gateway counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<i64>,
    /// The newest learning it could see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<i64>,
}

/// Progress as the trainer tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrainerStatus {
    /// 0 to 100.
    pub progress_percentage: i32,
    /// Estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_remaining_seconds: Option<i64>,
    /// Steps done.
    pub current_step: i64,
    /// Steps in all.
    pub total_steps: i64,
    /// loss, learning_rate, tokens_per_second; first_loss and last_loss at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub metrics: Vec<Metric>,
    /// When it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub last_updated_time: Option<Timestamp>,
}

/// A number with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Name.
    pub name: String,
    /// Latest value.
    pub value: Decimal,
}

/// Saved work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoint {
    /// The step it holds.
    pub step: i64,
    /// Where.
    #[schemars(schema_with = "schema::artifact_uri")]
    pub uri: String,
    /// Digest of the directory.
    #[schemars(schema_with = "schema::digest")]
    pub digest: Digest,
    /// When it was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub time: Option<Timestamp>,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrainedAdapter {
    /// Where and which.
    #[serde(flatten)]
    pub adapter: AdapterReference,
    /// LoRA rank.
    pub rank: i32,
    /// Size of the directory.
    pub size_bytes: i64,
}

/// Why a Job gave up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobFailure {
    /// CamelCase.
    #[schemars(length(max = 128))]
    pub reason: String,
    /// For a person.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Whether trying again can help.
    pub retriable: bool,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub time: Option<Timestamp>,
}
