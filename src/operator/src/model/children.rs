//! The TrainingRun, Evaluation and Rollout of a turn, from the model's templates.

use std::collections::BTreeMap;

use genesis_api::evaluation::EvaluationSpec;
use genesis_api::names::{MODEL_LABEL, REVISION_LABEL, turn_name};
use genesis_api::rollout::{DesiredOutcome, EvaluationReference, RolloutSpec};
use genesis_api::training_run::{DatasetSpec, TrainingRunSpec};
use genesis_api::{AdapterReference, Evaluation, GenesisModel, ModelReference, Rollout, TrainingRun};
use genesis_core::wire::Recipe;
use kube::ResourceExt;
use kube::api::ObjectMeta;

use crate::apply::owned_by;

/// The training of a turn.
pub(super) fn training_run(model: &GenesisModel, revision: i64, trigger: &str) -> TrainingRun {
    let template = &model.spec.training_template;
    TrainingRun {
        metadata: metadata(model, revision),
        spec: TrainingRunSpec {
            model_ref: reference(model),
            base_model: model.spec.base_model.clone(),
            storage: model.spec.storage.clone(),
            dataset: DatasetSpec {
                uri: None,
                digest: None,
                recipe: Recipe::Verified,
                max_per_task: template.max_per_task,
                watermark: None,
                seed: template.seed,
            },
            lora: template.lora.clone(),
            hyperparameters: template.hyperparameters.clone(),
            seed: template.seed,
            checkpoint: template.checkpoint.clone(),
            suspend: false,
            backoff_limit: template.backoff_limit,
            active_deadline_seconds: template.active_deadline_seconds,
            ttl_seconds_after_finished: template.ttl_seconds_after_finished,
            trainer: template.trainer.clone(),
            trigger: Some(trigger.to_owned()),
        },
        status: None,
    }
}

/// The judgement of a turn's candidate against the champion of now.
pub(super) fn evaluation(
    model: &GenesisModel,
    revision: i64,
    baseline: Option<&AdapterReference>,
    candidate: &AdapterReference,
) -> Evaluation {
    let template = &model.spec.evaluation_template;
    Evaluation {
        metadata: metadata(model, revision),
        spec: EvaluationSpec {
            model_ref: reference(model),
            served_model_name: Some(model.spec.served_model_name.clone()),
            storage: model.spec.storage.clone(),
            baseline: baseline.cloned(),
            candidate: candidate.clone(),
            suites: template.suites.clone(),
            gate: template.gate.clone(),
            sampling: template.sampling.clone(),
            suspend: false,
            backoff_limit: template.backoff_limit,
            active_deadline_seconds: template.active_deadline_seconds,
            ttl_seconds_after_finished: model.spec.training_template.ttl_seconds_after_finished,
            evaluator: template.evaluator.clone(),
        },
        status: None,
    }
}

/// The canary of a candidate that passed.
pub(super) fn rollout(model: &GenesisModel, revision: i64, evaluation: &Evaluation) -> Rollout {
    let template = &model.spec.rollout_template;
    Rollout {
        metadata: metadata(model, revision),
        spec: RolloutSpec {
            model_ref: reference(model),
            candidate: evaluation.spec.candidate.clone(),
            stable: evaluation.spec.baseline.clone(),
            evaluation_ref: Some(EvaluationReference { name: evaluation.name_any() }),
            steps: template.steps.clone(),
            analysis: template.analysis.clone(),
            progress_deadline_seconds: template.progress_deadline_seconds,
            on_failure: template.on_failure,
            paused: false,
            desired_outcome: DesiredOutcome::Auto,
        },
        status: None,
    }
}

/// The turn that an object belongs to.
pub(super) fn revision_of(object: &impl ResourceExt) -> Option<i64> {
    object.labels().get(REVISION_LABEL)?.parse().ok()
}

fn reference(model: &GenesisModel) -> ModelReference {
    ModelReference { name: model.name_any() }
}

fn metadata(model: &GenesisModel, revision: i64) -> ObjectMeta {
    let name = model.name_any();
    let labels =
        BTreeMap::from([(MODEL_LABEL.to_owned(), name.clone()), (REVISION_LABEL.to_owned(), revision.to_string())]);
    ObjectMeta {
        name: Some(turn_name(&name, revision)),
        namespace: model.namespace(),
        labels: Some(labels),
        owner_references: Some(owned_by(model)),
        ..ObjectMeta::default()
    }
}
