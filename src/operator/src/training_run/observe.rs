use std::sync::Arc;

use genesis_api::TrainingRun;
use genesis_api::names::training_job_name;
use genesis_artifacts::Store;
use k8s_openapi::api::batch::v1::Job;
use kube::{Api, ResourceExt};

use crate::config::Settings;
use crate::context::Context;
use crate::error::{ObserveError, observing};
use crate::jobs::JobState;

/// Everything a decision about a run is taken from.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The run as it was read.
    pub run: TrainingRun,
    /// Its Job.
    pub job: JobState,
    /// Whether the adapter that was told of lies in the store as its digest says; absent before it was told of.
    pub verified: Option<Verification>,
    /// Whether there is a gateway that could freeze a dataset.
    pub has_gateway: bool,
    /// The configuration.
    pub settings: Arc<Settings>,
}

/// What lies in the store where the adapter should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The adapter that was told of.
    Right,
    /// Something else.
    Wrong(String),
    /// Nobody can say now.
    Unreadable(String),
}

/// Reads it.
pub(super) async fn observe(ctx: &Context, run: &TrainingRun) -> Result<Observed, ObserveError> {
    let jobs = Api::<Job>::namespaced(ctx.client.clone(), &run.namespace().unwrap_or_default());
    let job = jobs.get_opt(&training_job_name(&run.name_any())).await.map_err(observing("reading the Job"))?;
    Ok(Observed {
        run: run.clone(),
        job: JobState::of(job.as_ref(), run.uid().as_deref()),
        verified: verified(run).await,
        has_gateway: ctx.gateway.is_some(),
        settings: ctx.settings.clone(),
    })
}

async fn verified(run: &TrainingRun) -> Option<Verification> {
    if run.is_finished() {
        return None;
    }
    let adapter = run.status.as_ref()?.adapter.as_ref()?.adapter.clone();
    let check = move || match Store::verify_directory(&adapter.uri, &adapter.digest) {
        Ok(_) => Verification::Right,
        Err(error @ genesis_artifacts::Error::Digest { .. }) => Verification::Wrong(error.to_string()),
        Err(error) => Verification::Unreadable(error.to_string()),
    };
    Some(tokio::task::spawn_blocking(check).await.unwrap_or_else(|error| Verification::Unreadable(error.to_string())))
}
