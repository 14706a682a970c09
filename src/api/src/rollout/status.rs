use genesis_core::Digest;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// How a rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum CompletionStatus {
    /// The candidate is the model's current adapter.
    Promoted,
    /// It hurt, or did not get on.
    RolledBack,
    /// A person ended it.
    Aborted,
    /// A newer Rollout took its place.
    Superseded,
}

/// How far a rollout is. Derived, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum RolloutPhase {
    /// Waits its turn, or for its proof.
    #[default]
    Pending,
    /// Takes traffic.
    Progressing,
    /// Held.
    Paused,
    /// Done with its steps; the model takes the adapter over.
    Promoting,
    /// Gives traffic back.
    RollingBack,
    /// Ended with a promotion.
    Promoted,
    /// Ended without.
    Ended,
}

/// Shares of the traffic, percent. They add up to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Weights {
    /// The candidate's.
    #[schemars(range(min = 0, max = 100))]
    pub canary: i32,
    /// The stable's.
    #[schemars(range(min = 0, max = 100))]
    pub stable: i32,
    /// The gateway says that it routes so.
    pub verified: bool,
}

impl Weights {
    /// The candidate takes `canary` percent.
    pub fn of_canary(canary: u8, verified: bool) -> Self {
        let canary = i32::from(canary.min(100));
        Self { canary, stable: 100 - canary, verified }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self::of_canary(0, false)
    }
}

/// What has become of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Progressing, Paused, Promoted, Completed; Reconciling and Stalled while they hold.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The conditions in a word.
    pub phase: RolloutPhase,
    /// And in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Served name of the candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate_name: Option<String>,
    /// Served name of the stable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_name: Option<String>,
    /// Index of the present step.
    pub current_step_index: i32,
    /// The step for people: `2/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Shares of the traffic.
    pub weights: Weights,
    /// When the candidate first took traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub start_time: Option<Timestamp>,
    /// When the gateway took the present step's weight over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub step_start_time: Option<Timestamp>,
    /// When it last got on; `progressDeadlineSeconds` counts from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub last_progress_time: Option<Timestamp>,
    /// Since when it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub pause_start_time: Option<Timestamp>,
    /// How it is going to end: decided, but traffic is still being moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending_as: Option<CompletionStatus>,
    /// Why, CamelCase.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub ending_reason: Option<String>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_status: Option<CompletionStatus>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub completion_time: Option<Timestamp>,
    /// Digest that every ready replica serves under the candidate's name. Absent until all have proved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_digest")]
    pub served_digest: Option<Digest>,
    /// The proof of each ready replica.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub replicas: Vec<ReplicaProof>,
}

/// What one replica serves under the candidate's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaProof {
    /// Name of the pod.
    pub pod: String,
    /// Digest it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_digest")]
    pub digest: Option<Digest>,
    /// Its log-probabilities equal the trainer's and differ from the base's.
    pub proved: bool,
    /// What is wrong, where something is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub message: String,
}
