//! Group, labels, annotations, ports, and the names of what the operator makes.
//!
//! Names are a function of what they are made for: after a crash the same object is found again, not made twice.

use std::collections::BTreeMap;

/// API group of the four kinds.
pub const GROUP: &str = "genesis.truth.si";
/// Their version.
pub const VERSION: &str = "v1alpha1";
/// The field manager of everything the operator applies.
pub const FIELD_MANAGER: &str = "genesis-operator";

/// Label: name of the GenesisModel.
pub const MODEL_LABEL: &str = "genesis.truth.si/model";
/// Label of pods: what they do, see [`Role`].
pub const ROLE_LABEL: &str = "genesis.truth.si/role";
/// Label of TrainingRuns, Evaluations and Rollouts: which turn of the loop they belong to.
pub const REVISION_LABEL: &str = "genesis.truth.si/revision";
/// Label that Kueue reads; passed through from a TrainingRun to its Job.
pub const QUEUE_LABEL: &str = "kueue.x-k8s.io/queue-name";

/// Annotation of a GenesisModel: the revision that someone asks to be trained now. It is served once.
pub const IMPROVE_ANNOTATION: &str = "genesis.truth.si/improve";
/// Annotation of an Evaluation: `"true"` lets a passed candidate roll out where `promotionPolicy` is `Manual`.
pub const APPROVED_ANNOTATION: &str = "genesis.truth.si/approved";
/// Annotation of a child: its model holds it. A hold without it is a person's, and stays when the model goes on.
pub const HELD_ANNOTATION: &str = "genesis.truth.si/held-by-model";

/// Annotation of the operators' Lease: how many leaders have had it.
pub const TERM_ANNOTATION: &str = "genesis.truth.si/term";

/// Annotation of Deployments and Services: digest of what the operator applied last.
pub const APPLIED_ANNOTATION: &str = "genesis.truth.si/applied";

/// Port of the public OpenAI API of an inference pod.
pub const INFERENCE_PORT: u16 = 8080;
/// Port on which an inference pod loads and unloads adapters. Not public.
pub const INFERENCE_ADMIN_PORT: u16 = 8081;
/// Port of a sandbox pod.
pub const SANDBOX_PORT: u16 = 7070;

/// What a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Inference server.
    Serving,
    /// Pool of sandboxes.
    Sandbox,
    /// Trainer of a TrainingRun.
    Trainer,
    /// Evaluator of an Evaluation.
    Evaluator,
}

/// Labels of a model's pods with one role.
pub fn pod_labels(model: &str, role: Role) -> BTreeMap<String, String> {
    BTreeMap::from([(MODEL_LABEL.to_owned(), model.to_owned()), (ROLE_LABEL.to_owned(), role.to_string())])
}

/// Selector for a model's pods with one role, as a list request wants it.
pub fn pod_selector(model: &str, role: Role) -> String {
    format!("{MODEL_LABEL}={model},{ROLE_LABEL}={role}")
}

/// Selector for the TrainingRuns, Evaluations or Rollouts that name a model, as a list request wants it.
pub fn model_selector(model: &str) -> String {
    format!("spec.modelRef.name={model}")
}

/// Name of a model's Deployment (and Service) for a role.
pub fn workload_name(model: &str, role: Role) -> String {
    format!("{model}-{role}")
}

/// Name of the TrainingRun, Evaluation and Rollout of one turn of the loop.
pub fn turn_name(model: &str, revision: i64) -> String {
    format!("{model}-r{revision}")
}

/// Name of an evaluation's Job. Each attempt has its own, because the addresses of pods may have changed.
pub fn evaluation_job_name(evaluation: &str, attempt: i32) -> String {
    format!("{evaluation}-evaluate-{attempt}")
}

/// Name of a training run's Job.
pub fn training_job_name(run: &str) -> String {
    format!("{run}-train")
}
