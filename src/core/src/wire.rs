//! What the parts of Genesis say to one another over HTTP.

use serde::{Deserialize, Serialize};

use crate::adapter::AdapterRef;
use crate::digest::Digest;
use crate::promotion::{EvaluationSummary, Verdict};

/// Names an artifact that is not an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// Where it is: `file:///…`.
    pub uri: String,
    /// Digest of its content.
    pub digest: Digest,
}

/// Gateway → operator: how much has been learned. `GET /internal/v1/models/{ns}/{name}/learning?since=N`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LearningSnapshot {
    /// Learnings captured ever.
    pub total: u64,
    /// Learnings captured after the watermark `since`.
    pub new: u64,
    /// The present watermark: sequence number of the newest learning.
    pub watermark: u64,
    /// Distinct verified answers that a dataset could use: of each task as many as one takes.
    pub verified_rows: u64,
    /// Mean quality of the last `quality_samples` scored generations.
    pub quality_average: f64,
    /// How many generations `quality_average` is taken over.
    pub quality_samples: u64,
    /// Executions recorded ever.
    pub executions: u64,
}

/// Which rows a dataset takes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString,
)]
pub enum Recipe {
    /// Executed answers that passed every test.
    #[default]
    Verified,
    /// As many rows as `Verified` would take, from all answers: the control that shows what selection adds.
    Unfiltered,
    /// The verified answers, dealt out among the tasks at random: must never pass an evaluation.
    Shuffled,
}

/// Operator → gateway: freeze a dataset. `POST /internal/v1/models/{ns}/{name}/datasets`.
///
/// The same `name` and `uid` give the same dataset again, whatever was learned in between; with other parameters they
/// are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetRequest {
    /// Name of the TrainingRun.
    pub name: String,
    /// Its uid: a run that is deleted and made again under the same name is another run.
    pub uid: String,
    /// Which rows.
    pub recipe: Recipe,
    /// Seed of the selection.
    pub seed: u64,
    /// At most this many distinct answers for one task.
    pub max_per_task: u32,
    /// Only what was learned up to this sequence number; absent: all that is learned by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<u64>,
}

/// The gateway's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetSnapshot {
    /// The frozen file.
    pub dataset: ArtifactRef,
    /// How many rows.
    pub rows: u64,
    /// How many tasks.
    pub tasks: u64,
    /// Sequence number of the newest learning it could see.
    pub watermark: u64,
}

/// Operator → gateway: an adapter is in the store. `POST /internal/v1/models/{ns}/{name}/adapters`.
///
/// Known by digest: a repeat changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdapterRecord {
    /// The adapter.
    pub adapter: AdapterRef,
    /// Name of the TrainingRun that made it.
    pub training_run: String,
    /// Digest of the dataset it was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Digest>,
}

/// Operator → gateway: an evaluation has ended. `POST /internal/v1/models/{ns}/{name}/evaluations`.
///
/// Known by name and uid: a repeat changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationRecord {
    /// Name of the Evaluation.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The adapter judged.
    pub candidate: AdapterRef,
    /// What it was compared with; absent: the base model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<AdapterRef>,
    /// The verdict.
    pub verdict: Verdict,
    /// The paired table.
    pub report: ArtifactRef,
}

/// How an adapter became champion, or ceased to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString)]
pub enum ChampionChange {
    /// A Rollout brought it to all traffic.
    Promoted,
    /// `spec.pinnedAdapter` names it.
    Pinned,
    /// A Rollout was taken back.
    RolledBack,
}

/// Operator → gateway: the champion changed. `POST /internal/v1/models/{ns}/{name}/promotions`.
///
/// Known by name, uid and change: a repeat changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionRecord {
    /// What changed it: the Rollout; for a pin the GenesisModel with its generation.
    pub name: String,
    /// Uid of that object.
    pub uid: String,
    /// What happened.
    pub change: ChampionChange,
    /// The champion from now on; absent: the base model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterRef>,
    /// The champion before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<AdapterRef>,
}

/// Live statistics of one arm of a canary. `GET /internal/v1/models/{ns}/{name}/arms?since_ms=T`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmStatistics {
    /// The served name: the base's or an adapter's.
    pub served_name: String,
    /// Requests answered, infra outcomes left out.
    pub requests: u64,
    /// Of them with tests.
    pub verified: u64,
    /// Of those passed by the first sample (before the best of several was chosen).
    pub passed: u64,
    /// Sum of the quality scores.
    pub quality_sum: f64,
    /// Sum of their squares.
    pub quality_square_sum: f64,
    /// Requests that failed for a reason of ours.
    pub infra: u64,
}

/// The routes that a gateway applies now. `GET /internal/v1/routes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedRoute {
    /// Namespace of the model.
    pub namespace: String,
    /// Name of the GenesisModel.
    pub model: String,
    /// Served name that takes what the canary does not.
    pub stable: String,
    /// Served name of the canary.
    pub canary: Option<String>,
    /// Share of the canary, percent.
    pub canary_weight: u8,
}

/// Trainer or evaluator → operator. `POST /internal/v1/jobs/{trainingruns|evaluations}/{ns}/{name}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobEvent {
    /// Once, when the work begins.
    Started {
        /// Steps in all.
        total_steps: u64,
        /// The step it resumed from, 0 where it did not.
        resumed_from: u64,
    },
    /// Every few steps.
    Progress {
        /// Steps done.
        step: u64,
        /// Steps in all.
        total_steps: u64,
        /// Mean loss per answer token since the last event, nats (training only).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        loss: Option<f64>,
        /// Learning rate (training only).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        learning_rate: Option<f64>,
        /// Tokens per second, prompt and answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tokens_per_second: Option<f64>,
        /// Seconds left, estimated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        eta_seconds: Option<u64>,
    },
    /// A checkpoint is on disk, fsynced.
    Checkpoint {
        /// The step it holds.
        step: u64,
        /// Where.
        checkpoint: ArtifactRef,
    },
    /// A checkpoint is damaged or of another run: the work goes on from an earlier state.
    CheckpointUnusable {
        /// Where.
        uri: String,
        /// What is wrong with it, for a person.
        message: String,
    },
    /// The adapter is in the store. Training is complete once the operator has answered 2xx.
    Trained {
        /// The adapter.
        adapter: AdapterRef,
        /// LoRA rank.
        rank: u32,
        /// Bytes of the directory.
        size_bytes: u64,
        /// Mean loss over the first steps, nats.
        first_loss: f64,
        /// Mean loss over the last steps, nats.
        last_loss: f64,
        /// Steps done in all.
        steps: u64,
    },
    /// The evaluation is done; the report is in the store.
    Evaluated {
        /// The full paired table.
        report: ArtifactRef,
        /// The numbers a verdict is decided from.
        summary: Box<EvaluationSummary>,
    },
    /// The job gives up. The pod ends with a code that says whether trying again can help.
    Failed {
        /// CamelCase reason: `DatasetInvalid`, `OutOfMemory`, `InferenceUnreachable`.
        reason: String,
        /// For a person.
        message: String,
        /// Trying again can help.
        retriable: bool,
    },
}

/// Exit code of a job whose input is wrong: trying again cannot help.
pub const EXIT_USER_ERROR: i32 = 65;
/// Exit code of a job that was asked to stop and saved its work: try again.
pub const EXIT_INTERRUPTED: i32 = 75;

/// One line of a dataset file (JSON lines).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetRow {
    /// The start of the program, as the model is asked for it.
    pub prompt: String,
    /// What the model should have answered.
    pub answer: String,
    /// The task it answers.
    pub task: String,
    /// The task's family.
    pub family: String,
    /// The execution that earned it.
    pub execution: String,
}
