//! The only writer for an Evaluation.

use genesis_api::Evaluation;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::decide::EvaluationAction;
use super::observe::Observed;
use crate::apply::Writer;
use crate::context::Context;
use crate::error::ActError;
use crate::model::act::change_adapter;

/// Does what was decided, in order.
pub(super) async fn act(ctx: &Context, observed: &Observed, actions: &[EvaluationAction]) -> Result<(), ActError> {
    let writer = Writer(&ctx.client);
    let namespace = Evaluation::namespace(&observed.evaluation).unwrap_or_default();
    for action in actions {
        match action {
            EvaluationAction::Adapter(change) => change_adapter(ctx, change).await,
            EvaluationAction::CreateJob(job) => writer.create::<Job>("creating the Job", job).await?,
            EvaluationAction::DeleteJob(name) => writer.delete::<Job>("deleting the Job", &namespace, name).await?,
        }
    }
    Ok(())
}
