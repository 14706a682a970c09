use std::sync::Arc;

use genesis_api::names::Role;
use genesis_api::{Evaluation, GenesisModel};
use genesis_core::AdapterRef;
use k8s_openapi::api::batch::v1::Job;
use kube::{Api, ResourceExt};

use crate::config::Settings;
use crate::context::Context;
use crate::error::{ObserveError, observing};
use crate::jobs::JobState;
use crate::serving::{self, Replica};

/// Everything a decision about an evaluation is taken from.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The evaluation as it was read.
    pub evaluation: Evaluation,
    /// The name under which the base is served; absent where neither the spec nor a GenesisModel says it.
    pub served_model: Option<String>,
    /// The ready serving pods, with the standing of baseline and candidate.
    pub replicas: Vec<Replica>,
    /// Addresses of the ready sandbox pods.
    pub sandboxes: Vec<String>,
    /// Job of the present attempt.
    pub job: JobState,
    /// The configuration.
    pub settings: Arc<Settings>,
}

/// Reads it.
pub(super) async fn observe(ctx: &Context, evaluation: &Evaluation) -> Result<Observed, ObserveError> {
    let namespace = evaluation.namespace().unwrap_or_default();
    let model = &evaluation.spec.model_ref.name;
    let served_model = served_model(ctx, evaluation, &namespace).await?;
    let replicas = match &served_model {
        Some(served) => serving::observe(ctx, &namespace, model, served, &adapters(evaluation)).await?,
        None => Vec::new(),
    };
    let sandboxes = serving::ready_addresses(ctx, &namespace, model, Role::Sandbox).await?;
    let job = match evaluation.status.as_ref().and_then(|status| status.job_name.as_deref()) {
        Some(name) => {
            let jobs = Api::<Job>::namespaced(ctx.client.clone(), &namespace);
            jobs.get_opt(name).await.map_err(observing("reading the Job"))?
        }
        None => None,
    };
    let job = JobState::of(job.as_ref(), evaluation.uid().as_deref());
    Ok(Observed {
        evaluation: evaluation.clone(),
        served_model,
        replicas,
        sandboxes,
        job,
        settings: ctx.settings.clone(),
    })
}

async fn served_model(ctx: &Context, evaluation: &Evaluation, namespace: &str) -> Result<Option<String>, ObserveError> {
    if let Some(name) = &evaluation.spec.served_model_name {
        return Ok(Some(name.clone()));
    }
    let models = Api::<GenesisModel>::namespaced(ctx.client.clone(), namespace);
    let model = models.get_opt(&evaluation.spec.model_ref.name).await.map_err(observing("reading the GenesisModel"))?;
    Ok(model.map(|model| model.spec.served_model_name))
}

/// Baseline, if it is an adapter, and candidate.
pub(crate) fn adapters(evaluation: &Evaluation) -> Vec<AdapterRef> {
    let spec = &evaluation.spec;
    spec.baseline.iter().chain([&spec.candidate]).cloned().map(AdapterRef::from).collect()
}
