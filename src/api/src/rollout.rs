//! One canary: a candidate takes traffic step by step, or gives it back.
#![allow(clippy::duplicated_attributes, reason = "every rule of `x_kube` is an attribute of the same name")]

mod status;

pub use status::{CompletionStatus, ReplicaProof, RolloutPhase, RolloutStatus, Weights};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::genesis_model::{AnalysisSpec, OnFailure, StepSpec, default_progress_deadline, default_steps, steps_rule};
use crate::schema::immutable;
use crate::{AdapterReference, ModelReference};

/// What a person wants of a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredOutcome {
    /// Live traffic decides.
    #[default]
    Auto,
    /// Skip the rest of the steps. The candidate is still proved first.
    Promote,
    /// Give all traffic back. This wins over everything else, and cannot be taken back. Once the steps are done it is
    /// too late: then `spec.pinnedAdapter` of the model brings another adapter back.
    Abort,
}

/// What to roll out, and how carefully. Nothing but `paused` and `desiredOutcome` can change.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "genesis.truth.si",
    version = "v1alpha1",
    kind = "Rollout",
    plural = "rollouts",
    shortname = "gro",
    category = "genesis",
    namespaced,
    status = "RolloutStatus",
    derive = "PartialEq",
    cel,
    selectable = ".spec.modelRef.name",
    doc = "One canary of an adapter",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".status.weights.canary"),
    printcolumn(name = "Candidate", type_ = "string", json_path = ".status.candidateName"),
    printcolumn(name = "Stable", type_ = "string", json_path = ".status.stableName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Paused", type_ = "boolean", priority = 1, json_path = ".spec.paused"),
    printcolumn(name = "Message", type_ = "string", priority = 1, json_path = ".status.message")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.stable) == has(oldSelf.stable) && has(self.evaluationRef) == has(oldSelf.evaluationRef)")
        .message("stable and evaluationRef cannot be changed: create another Rollout"),
    validation = Rule::new("oldSelf.desiredOutcome != 'Abort' || self.desiredOutcome == 'Abort'")
        .message("an abort cannot be taken back: create another Rollout")
)]
pub struct RolloutSpec {
    /// The model whose traffic is shifted.
    #[x_kube(validation = immutable())]
    pub model_ref: ModelReference,
    /// The adapter that is to take it.
    #[x_kube(validation = immutable())]
    pub candidate: AdapterReference,
    /// The adapter it is compared with; the model's current one, or the base, where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = immutable())]
    pub stable: Option<AdapterReference>,
    /// The Evaluation that must have passed. Absent: a person answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = immutable())]
    pub evaluation_ref: Option<EvaluationReference>,
    /// The steps.
    #[serde(default = "default_steps")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = steps_rule(), validation = immutable())]
    pub steps: Vec<StepSpec>,
    /// How harm is recognised.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub analysis: AnalysisSpec,
    /// Seconds without progress after which it counts as failed.
    #[serde(default = "default_progress_deadline")]
    #[schemars(range(min = 1, max = 31_536_000))]
    #[x_kube(validation = immutable())]
    pub progress_deadline_seconds: i64,
    /// What happens then, or when the candidate hurts.
    #[serde(default)]
    #[x_kube(validation = immutable())]
    pub on_failure: OnFailure,
    /// Holds it at its present weight.
    #[serde(default)]
    pub paused: bool,
    /// What a person wants of it.
    #[serde(default)]
    pub desired_outcome: DesiredOutcome,
}

/// Names an Evaluation in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluationReference {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

impl Rollout {
    /// Whether it has ended. Its weights count until then, and not any more after.
    pub fn is_finished(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.completion_status.is_some())
    }

    /// Share of the candidate now, percent: 0 before it is proved and after the end.
    pub fn canary_weight(&self) -> u8 {
        let weights =
            self.status.as_ref().filter(|status| status.completion_status.is_none()).map(|status| status.weights);
        weights.map_or(0, |weights| weights.canary.clamp(0, 100) as u8)
    }
}
