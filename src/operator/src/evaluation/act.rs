//! The only writer for an Evaluation.

use genesis_api::Evaluation;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::decide::EvaluationAction;
use super::job::secret;
use super::observe::Observed;
use crate::apply::Writer;
use crate::context::Context;
use crate::error::ActError;
use crate::model::act::change_adapter;
use crate::record;

/// Does what was decided, in order.
pub(super) async fn act(ctx: &Context, observed: &Observed, actions: &[EvaluationAction]) -> Result<(), ActError> {
    let writer = Writer(&ctx.client);
    let namespace = Evaluation::namespace(&observed.evaluation).unwrap_or_default();
    for action in actions {
        match action {
            EvaluationAction::Adapter(change) => change_adapter(ctx, change).await,
            EvaluationAction::CreateJob(job) => {
                // The token is in no plan: plans are printed.
                let secret = secret(&observed.evaluation, &ctx.settings);
                writer.create_unread::<Secret>("creating the Job's Secret", &secret).await?;
                writer.create::<Job>("creating the Job", job).await?;
            }
            EvaluationAction::Record(kept) => {
                record::keep(ctx, &namespace, &observed.evaluation.spec.model_ref.name, kept).await?;
            }
            EvaluationAction::DeleteJob(name) => writer.delete::<Job>("deleting the Job", &namespace, name).await?,
        }
    }
    Ok(())
}
