//! A model that improves itself: what a person writes.

mod evaluation_template;
mod generation;
mod rollout_template;
mod serving;
mod status;
mod training_template;
mod triggers;

pub use evaluation_template::{EvaluationTemplate, GateSpec, SamplingSpec, SuiteSpec};
pub(crate) use evaluation_template::{default_backoff_limit, default_deadline};
pub use generation::GenerationSpec;
pub use rollout_template::{AnalysisSpec, OnFailure, RolloutTemplate, StepSpec};
pub(crate) use rollout_template::{default_progress_deadline, default_steps, steps_rule};
pub use serving::{SandboxSpec, ServingSpec};
pub use status::{CurrentAdapter, GenesisModelStatus, HistoryEntry, LastEvaluation, LearningStatus, TurnOutcome};
pub use training_template::{CheckpointSpec, Hyperparameters, LoraSpec, TrainingTemplate};
pub use triggers::TriggersSpec;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::immutable;
use crate::{AdapterReference, BaseModelSpec, StorageSpec};

/// Who lets a candidate that passed its evaluation go live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PromotionPolicy {
    /// The operator.
    #[default]
    Automatic,
    /// A person, who annotates the Evaluation with `genesis.truth.si/approved: "true"`.
    Manual,
}

/// What a model is made of, when it learns, and what a better version has to show.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "genesis.truth.si",
    version = "v1alpha1",
    kind = "GenesisModel",
    plural = "genesismodels",
    shortname = "gm",
    category = "genesis",
    namespaced,
    status = "GenesisModelStatus",
    derive = "PartialEq",
    cel,
    doc = "A model that improves itself from its own executed work",
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')")
        .message("metadata.name must be 1 to 40 lower-case letters, digits and dashes, and begin with a letter: names of pods and Jobs are made from it"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Adapter", type_ = "string", json_path = ".status.currentAdapter.name"),
    printcolumn(name = "Loop", type_ = "string", json_path = ".status.conditions[?(@.type==\"LoopActive\")].reason"),
    printcolumn(name = "Candidate", type_ = "string", json_path = ".status.candidateAdapter.name"),
    printcolumn(name = "Score", type_ = "string", json_path = ".status.currentAdapter.score"),
    printcolumn(name = "Last-Promoted", type_ = "date", json_path = ".status.currentAdapter.promotedTime"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Reason", type_ = "string", priority = 1, json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Message", type_ = "string", priority = 1, json_path = ".status.conditions[?(@.type==\"LoopActive\")].message")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.trainingTemplate.lora.rank <= self.serving.maxLoraRank")
        .message("trainingTemplate.lora.rank is larger than serving.maxLoraRank: the servers would refuse the adapter")
)]
pub struct GenesisModelSpec {
    /// The frozen model under the adapters. An adapter fits one base only, so this cannot change.
    #[x_kube(validation = immutable())]
    pub base_model: BaseModelSpec,
    /// The name that clients send as `model`. Adapters are served as this name and 12 digits of their digest.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-._a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = immutable())]
    pub served_model_name: String,
    /// Where datasets, adapters and reports are kept.
    pub storage: StorageSpec,
    /// Stops the loop: nothing is trained, evaluated or rolled out any further. Serving goes on.
    #[serde(default)]
    pub suspend: bool,
    /// The inference servers.
    #[serde(default)]
    pub serving: ServingSpec,
    /// The pool in which generated programs are executed.
    #[serde(default)]
    pub sandbox: SandboxSpec,
    /// How the gateway generates.
    #[serde(default)]
    pub generation: GenerationSpec,
    /// When the loop trains.
    #[serde(default)]
    pub triggers: TriggersSpec,
    /// What its TrainingRuns are made from.
    #[serde(default)]
    pub training_template: TrainingTemplate,
    /// What its Evaluations are made from.
    pub evaluation_template: EvaluationTemplate,
    /// What its Rollouts are made from.
    #[serde(default)]
    pub rollout_template: RolloutTemplate,
    /// Who lets a passed candidate go live.
    #[serde(default)]
    pub promotion_policy: PromotionPolicy,
    /// Serve this adapter and hold the loop: a rollback that comes from Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_adapter: Option<AdapterReference>,
    /// Ended turns that are listed in `status.history`.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 50))]
    pub revision_history_limit: i32,
    /// Promoted turns whose objects are kept.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 20))]
    pub successful_runs_history_limit: i32,
    /// Other ended turns whose objects are kept.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 20))]
    pub failed_runs_history_limit: i32,
    /// The loop stops after this many turns in a row without a promotion; 0 never stops it.
    /// A request to improve, or a change of this object, starts it again.
    #[serde(default = "five")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_consecutive_rejections: i32,
}

fn three() -> i32 {
    3
}

fn five() -> i32 {
    5
}

fn ten() -> i32 {
    10
}

impl GenesisModel {
    /// The served name of what answers what no canary takes: the current adapter's, or the base's.
    pub fn champion_name(&self) -> String {
        let current = self.status.as_ref().and_then(|status| status.current_adapter.as_ref());
        current.map_or_else(|| self.spec.served_model_name.clone(), |adapter| adapter.name.clone())
    }
}
