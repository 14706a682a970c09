//! The four custom resources of Genesis with their conditions, reasons and CEL rules.
//!
//! A person writes a [`GenesisModel`]; the operator makes the [`TrainingRun`]s, [`Evaluation`]s and [`Rollout`]s from
//! its templates. Each of these three also works when a person creates it alone.
//!
//! Specs and status hold no floats: thresholds are basis points, numbers with a fraction are [`Decimal`] strings.

mod common;
pub mod conditions;
pub mod evaluation;
pub mod genesis_model;
pub mod names;
mod pod;
pub mod rollout;
mod schema;
pub mod structure;
pub mod training_run;

pub use common::{AdapterReference, ArtifactReference, BaseModelSpec, Decimal, ModelReference, StorageSpec};
pub use evaluation::{Evaluation, EvaluationSpec, EvaluationStatus};
pub use genesis_model::{GenesisModel, GenesisModelSpec, GenesisModelStatus};
pub use pod::{PodSettings, Resources, Toleration};
pub use rollout::{Rollout, RolloutSpec, RolloutStatus};
pub use training_run::{TrainingRun, TrainingRunSpec, TrainingRunStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The four definitions, in the order in which a person meets them.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![GenesisModel::crd(), TrainingRun::crd(), Evaluation::crd(), Rollout::crd()]
}

#[cfg(test)]
mod tests;
