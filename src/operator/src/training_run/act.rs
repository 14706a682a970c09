//! The only writer for a TrainingRun.

use genesis_api::names::training_job_name;
use genesis_api::training_run::DatasetStatus;
use genesis_core::wire::DatasetSnapshot;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;

use super::decide::RunAction;
use super::job::secret;
use super::observe::Observed;
use crate::apply::Writer;
use crate::context::Context;
use crate::error::ActError;
use crate::record;

/// What came of asking the gateway for a dataset.
pub(super) enum Freeze {
    /// It was not asked.
    NotAsked,
    /// It froze one.
    Done(DatasetStatus),
    /// It did not, and said why.
    Failed(String),
}

/// Does what was decided, in order.
pub(super) async fn act(ctx: &Context, observed: &Observed, actions: &[RunAction]) -> Result<Freeze, ActError> {
    let writer = Writer(&ctx.client);
    let run = &observed.run;
    let namespace = run.namespace().unwrap_or_default();
    let mut freeze = Freeze::NotAsked;
    for action in actions {
        match action {
            RunAction::FreezeDataset(request) => {
                if let Some(gateway) = &ctx.gateway {
                    freeze = match gateway.freeze_dataset(&namespace, &run.spec.model_ref.name, request).await {
                        Ok(snapshot) => Freeze::Done(frozen(snapshot)),
                        Err(error) => Freeze::Failed(error.to_string()),
                    };
                }
            }
            RunAction::CreateJob(job) => {
                // The token is in no plan: plans are printed.
                writer.create_unread::<Secret>("creating the Job's Secret", &secret(run, &ctx.settings)).await?;
                writer.create::<Job>("creating the Job", job).await?;
            }
            RunAction::Record(kept) => record::keep(ctx, &namespace, &run.spec.model_ref.name, kept).await?,
            RunAction::SuspendJob(held) => {
                let patch = json!({ "spec": { "suspend": held } });
                let name = training_job_name(&run.name_any());
                writer.merge::<Job>("holding the Job", &namespace, &name, &patch).await?;
            }
        }
    }
    Ok(freeze)
}

fn frozen(snapshot: DatasetSnapshot) -> DatasetStatus {
    DatasetStatus {
        uri: snapshot.dataset.uri,
        digest: snapshot.dataset.digest,
        rows: i64::try_from(snapshot.rows).ok(),
        tasks: i64::try_from(snapshot.tasks).ok(),
        watermark: i64::try_from(snapshot.watermark).ok(),
    }
}
