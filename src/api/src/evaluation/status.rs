use genesis_core::promotion::Verdict;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::training_run::{JobFailure, TrainerStatus};
use crate::{ArtifactReference, Decimal, schema};

/// How far an evaluation is. Derived from the conditions, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum EvaluationPhase {
    /// Not begun.
    #[default]
    Pending,
    /// Adapters are being loaded and proved.
    Loading,
    /// At work.
    Running,
    /// Held.
    Suspended,
    /// A verdict is there.
    Complete,
    /// No verdict will come.
    Failed,
}

impl EvaluationPhase {
    /// Whether it has ended.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// What has become of an evaluation. Rates are decimal strings between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EvaluationStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Suspended, Complete, Failed, Passed; Reconciling and Stalled while they hold.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The conditions in a word.
    pub phase: EvaluationPhase,
    /// And in a sentence: the numbers, once they are there.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Whether the candidate is better. Too little evidence is `Inconclusive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_verdict")]
    pub verdict: Option<Verdict>,
    /// Why, CamelCase.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub verdict_reason: Option<String>,
    /// One for each suite, the deciding one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub results: Vec<SuiteResult>,
    /// What no longer works, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub regressions: Vec<String>,
    /// What was done for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_summary: Option<RunSummary>,
    /// The full paired table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ArtifactReference>,
    /// What the evaluator told last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<TrainerStatus>,
    /// Attempts begun.
    pub attempts: i32,
    /// Attempts that failed.
    pub failed_attempts: i32,
    /// Why the last failed attempt gave up, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<JobFailure>,
    /// Job of the present attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// When it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub completion_time: Option<Timestamp>,
}

/// The numbers of one suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteResult {
    /// Name of the suite.
    pub suite: String,
    /// pass@1 of the baseline.
    pub baseline: Decimal,
    /// pass@1 of the candidate.
    pub candidate: Decimal,
    /// Candidate − baseline, clustered by family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Decimal>,
    /// Its one-sided lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<Decimal>,
    /// Its one-sided upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<Decimal>,
    /// pass@8 of the baseline.
    pub baseline_pass_at8: Decimal,
    /// pass@8 of the candidate.
    pub candidate_pass_at8: Decimal,
    /// Tasks counted in both arms.
    pub tasks: i64,
    /// Families they belong to.
    pub families: i64,
    /// Samples for each task and arm.
    pub samples: i64,
    /// Tasks left out because of infra outcomes.
    pub infra: i64,
}

/// What was done for an evaluation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunSummary {
    /// Programs executed.
    pub executions: i64,
    /// Tasks of the must-pass core.
    pub core_tasks: i64,
    /// Of these, the ones that broke.
    pub core_broken: i64,
    /// Seed of the sampling.
    pub seed: i64,
}
