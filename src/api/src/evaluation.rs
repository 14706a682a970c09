//! One judgement: is the candidate better than the baseline, and by how much?

mod status;

pub use status::{EvaluationPhase, EvaluationStatus, RunSummary, SuiteResult};

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::genesis_model::{GateSpec, SamplingSpec, SuiteSpec};
use crate::schema::immutable;
use crate::{AdapterReference, ModelReference, PodSettings, StorageSpec};

/// What to compare, on what, and what is asked. Nothing but `suspend` can change.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "genesis.truth.si",
    version = "v1alpha1",
    kind = "Evaluation",
    plural = "evaluations",
    shortname = "geval",
    category = "genesis",
    namespaced,
    status = "EvaluationStatus",
    derive = "PartialEq",
    cel,
    selectable = ".spec.modelRef.name",
    doc = "One judgement of a candidate against a baseline",
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$')")
        .message("metadata.name must be 1 to 48 lower-case letters, digits and dashes: names of its Jobs are made from it"),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".status.verdict"),
    printcolumn(name = "Baseline", type_ = "string", json_path = ".status.results[0].baseline"),
    printcolumn(name = "Candidate", type_ = "string", json_path = ".status.results[0].candidate"),
    printcolumn(name = "Delta", type_ = "string", json_path = ".status.results[0].delta"),
    printcolumn(name = "Regressions", type_ = "string", json_path = ".status.regressions"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Phase", type_ = "string", priority = 1, json_path = ".status.phase"),
    printcolumn(name = "Message", type_ = "string", priority = 1, json_path = ".status.message")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.baseline) == has(oldSelf.baseline) && has(self.servedModelName) == has(oldSelf.servedModelName) && has(self.ttlSecondsAfterFinished) == has(oldSelf.ttlSecondsAfterFinished)")
        .message("baseline, servedModelName and ttlSecondsAfterFinished cannot be changed: create another Evaluation")
)]
pub struct EvaluationSpec {
    /// The model whose servers and sandboxes are used. Its pods are found by the label `genesis.truth.si/model`, so
    /// the GenesisModel itself need not exist.
    #[x_kube(validation = immutable())]
    pub model_ref: ModelReference,
    /// The name under which the base is served; that of the GenesisModel where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-._a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = immutable())]
    pub served_model_name: Option<String>,
    /// Where suites are read and the report is kept.
    #[x_kube(validation = immutable())]
    pub storage: StorageSpec,
    /// The champion; the base model where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = immutable())]
    pub baseline: Option<AdapterReference>,
    /// The candidate.
    #[x_kube(validation = immutable())]
    pub candidate: AdapterReference,
    /// The suites. The first one decides, the others must not regress.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(validation = immutable(), merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub suites: Vec<SuiteSpec>,
    /// What is asked of the candidate.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub gate: GateSpec,
    /// How answers are drawn.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub sampling: SamplingSpec,
    /// Holds it: its pods are stopped, and it begins again.
    #[serde(default)]
    pub suspend: bool,
    /// Attempts that may fail for a reason of ours.
    #[serde(default = "crate::genesis_model::default_backoff_limit")]
    #[schemars(range(min = 0, max = 100))]
    #[x_kube(validation = immutable())]
    pub backoff_limit: i32,
    /// Seconds it may take with all its attempts.
    #[serde(default = "crate::genesis_model::default_deadline")]
    #[schemars(range(min = 1, max = 31_536_000))]
    #[x_kube(validation = immutable())]
    pub active_deadline_seconds: i64,
    /// Seconds after its end at which its Jobs and pods are deleted. The Evaluation itself stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    #[x_kube(validation = immutable())]
    pub ttl_seconds_after_finished: Option<i32>,
    /// The evaluator's pod.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub evaluator: PodSettings,
}

impl Evaluation {
    /// Whether it has ended, with a verdict or without.
    pub fn is_finished(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.phase.is_finished())
    }
}
