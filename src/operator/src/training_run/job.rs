//! The trainer's Job.

use std::collections::BTreeMap;

use genesis_api::TrainingRun;
use genesis_api::names::{QUEUE_LABEL, Role, training_job_name};
use genesis_api::training_run::DatasetStatus;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use crate::apply::owned_by;
use crate::config::Settings;
use crate::jobs::{JobPlan, job};
use crate::pods::{ContainerPlan, template};
use crate::reporting::{report_environment, report_secret};
use crate::token::{JobKind, Subject};

/// The Job that trains on `dataset`. Everything that goes into the adapter stands in its arguments.
///
/// `failures` were counted for Jobs before it, and `seconds_left` are left of the run's time.
pub(super) fn build(
    run: &TrainingRun,
    dataset: &DatasetStatus,
    settings: &Settings,
    failures: i32,
    seconds_left: i64,
) -> Job {
    let spec = &run.spec;
    let model = &spec.model_ref.name;
    let (namespace, name, uid) = identity(run);
    let subject = Subject { kind: JobKind::TrainingRuns, namespace: &namespace, name: &name, uid: &uid };
    let flags = [
        ("--base", spec.base_model.uri.clone()),
        ("--dataset", dataset.uri.clone()),
        ("--dataset-digest", dataset.digest.to_string()),
        ("--store", spec.storage.uri.clone()),
        ("--rank", spec.lora.rank.to_string()),
        ("--alpha", spec.lora.alpha.to_string()),
        ("--learning-rate", spec.hyperparameters.learning_rate.as_str().to_owned()),
        ("--epochs", spec.hyperparameters.epochs.to_string()),
        ("--batch-size", spec.hyperparameters.batch_size.to_string()),
        ("--seed", spec.seed.to_string()),
        ("--checkpoint-steps", spec.checkpoint.period_steps.to_string()),
        ("--model-name", model.clone()),
    ];
    let plan = ContainerPlan {
        command: vec!["genesis-trainer".into()],
        args: ["lora".to_owned()]
            .into_iter()
            .chain(flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]))
            .collect(),
        env: report_environment(settings, subject),
        ..ContainerPlan::default()
    };
    job(JobPlan {
        name: training_job_name(&name),
        namespace: namespace.clone(),
        model: model.clone(),
        labels: passed_through(run.labels()),
        owner: owned_by(run),
        template: template(model, Role::Trainer, plan, &spec.trainer, Some(&spec.storage), settings),
        backoff_limit: (spec.backoff_limit - failures).max(0),
        active_deadline_seconds: seconds_left.max(1),
        suspend: false,
    })
}

/// The Secret that its Jobs report with.
pub(super) fn secret(run: &TrainingRun, settings: &Settings) -> Secret {
    let (namespace, name, uid) = identity(run);
    let subject = Subject { kind: JobKind::TrainingRuns, namespace: &namespace, name: &name, uid: &uid };
    report_secret(settings, subject, owned_by(run))
}

fn identity(run: &TrainingRun) -> (String, String, String) {
    (run.namespace().unwrap_or_default(), run.name_any(), run.uid().unwrap_or_default())
}

/// The labels that other controllers read on a Job.
pub(crate) fn passed_through(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(name, _)| name.as_str() == QUEUE_LABEL)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
