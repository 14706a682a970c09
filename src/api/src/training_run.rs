//! One training: a dataset and hyper-parameters in, an adapter out.

mod status;

pub use status::{
    Checkpoint, DatasetStatus, JobFailure, Metric, TrainedAdapter, TrainerStatus, TrainingPhase, TrainingRunStatus,
};

use genesis_core::Digest;
use genesis_core::wire::Recipe;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::genesis_model::{CheckpointSpec, Hyperparameters, LoraSpec};
use crate::schema::{self, immutable};
use crate::{BaseModelSpec, ModelReference, PodSettings, StorageSpec};

/// What to train, on what. Nothing but `suspend` can change: a run says for ever what its adapter was made from.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "genesis.truth.si",
    version = "v1alpha1",
    kind = "TrainingRun",
    plural = "trainingruns",
    shortname = "trun",
    category = "genesis",
    namespaced,
    status = "TrainingRunStatus",
    derive = "PartialEq",
    cel,
    selectable = ".spec.modelRef.name",
    doc = "One training of an adapter",
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$')")
        .message("metadata.name must be 1 to 52 lower-case letters, digits and dashes: the name of its Job is made from it"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Progress", type_ = "integer", json_path = ".status.trainerStatus.progressPercentage"),
    printcolumn(name = "Step", type_ = "integer", json_path = ".status.trainerStatus.currentStep"),
    printcolumn(name = "Loss", type_ = "string", json_path = ".status.trainerStatus.metrics[?(@.name==\"loss\")].value"),
    printcolumn(name = "Attempts", type_ = "integer", json_path = ".status.attempts"),
    printcolumn(name = "Duration", type_ = "string", json_path = ".status.duration"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", priority = 1, json_path = ".status.message")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.ttlSecondsAfterFinished) == has(oldSelf.ttlSecondsAfterFinished) && has(self.trigger) == has(oldSelf.trigger)")
        .message("ttlSecondsAfterFinished and trigger cannot be changed: create another TrainingRun")
)]
pub struct TrainingRunSpec {
    /// The model the adapter is for.
    #[x_kube(validation = immutable())]
    pub model_ref: ModelReference,
    /// The frozen model under the adapter: a copy, so that a later edit cannot change what is running.
    #[x_kube(validation = immutable())]
    pub base_model: BaseModelSpec,
    /// Where dataset, checkpoints and adapter are kept.
    #[x_kube(validation = immutable())]
    pub storage: StorageSpec,
    /// What it learns from.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub dataset: DatasetSpec,
    /// Shape of the adapter.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub lora: LoraSpec,
    /// Of the optimiser.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub hyperparameters: Hyperparameters,
    /// Seed of initial weights and order of the rows.
    #[serde(default = "default_seed")]
    #[schemars(range(min = 0))]
    #[x_kube(validation = immutable())]
    pub seed: i64,
    /// How often work is saved.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub checkpoint: CheckpointSpec,
    /// Holds the run: its pods are stopped, and it goes on from its last checkpoint.
    #[serde(default)]
    pub suspend: bool,
    /// Pod failures that are forgiven. A preempted pod is not counted.
    #[serde(default = "default_backoff_limit")]
    #[schemars(range(min = 0, max = 100))]
    #[x_kube(validation = immutable())]
    pub backoff_limit: i32,
    /// Seconds it may take with all its retries.
    #[serde(default = "default_deadline")]
    #[schemars(range(min = 1, max = 31_536_000))]
    #[x_kube(validation = immutable())]
    pub active_deadline_seconds: i64,
    /// Seconds after its end at which its Job and pods are deleted. The run itself stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    #[x_kube(validation = immutable())]
    pub ttl_seconds_after_finished: Option<i32>,
    /// The trainer's pod.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub trainer: PodSettings,
    /// Why it was created, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = immutable())]
    pub trigger: Option<String>,
}

/// What a run learns from: a file, or what the gateway freezes for it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.uri) == has(self.digest)")
        .message("dataset.uri and dataset.digest go together; leave both out to let the gateway freeze a dataset")
)]
pub struct DatasetSpec {
    /// JSON lines of rows. Absent: the gateway freezes a dataset, which `status.dataset` then names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_artifact_uri")]
    pub uri: Option<String>,
    /// Digest of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_digest")]
    pub digest: Option<Digest>,
    /// Which rows the gateway takes. `Unfiltered` and `Shuffled` are controls.
    #[serde(default)]
    #[schemars(schema_with = "schema::recipe")]
    pub recipe: Recipe,
    /// Most distinct answers to one task.
    #[serde(default = "default_max_per_task")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_per_task: i32,
    /// Only what was learned up to this sequence number, which `status.dataset.watermark` of another run tells: two runs
    /// with the same number saw the same evidence. Absent: all that is learned when the dataset is frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub watermark: Option<i64>,
    /// Seed of the selection.
    #[serde(default = "default_seed")]
    #[schemars(range(min = 0))]
    pub seed: i64,
}

impl Default for DatasetSpec {
    fn default() -> Self {
        Self {
            uri: None,
            digest: None,
            recipe: Recipe::default(),
            max_per_task: default_max_per_task(),
            watermark: None,
            seed: default_seed(),
        }
    }
}

fn default_seed() -> i64 {
    7
}

fn default_max_per_task() -> i32 {
    4
}

fn default_backoff_limit() -> i32 {
    3
}

fn default_deadline() -> i64 {
    24 * 3600
}

impl TrainingRun {
    /// Whether it has ended, well or badly.
    pub fn is_finished(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.phase.is_finished())
    }
}
