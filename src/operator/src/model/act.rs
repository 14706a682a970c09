//! The only writer for a GenesisModel.

use genesis_api::names::HELD_ANNOTATION;
use genesis_api::{Evaluation, Rollout, TrainingRun};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use serde_json::json;

use super::decide::{Child, ModelAction, ModelPlan};
use super::observe::Observed;
use crate::apply::Writer;
use crate::context::Context;
use crate::error::ActError;
use crate::serving::AdapterChange;

/// Does what was decided, in order.
pub(super) async fn act(ctx: &Context, observed: &Observed, plan: &ModelPlan) -> Result<(), ActError> {
    let writer = Writer(&ctx.client);
    let namespace = observed.model.namespace().unwrap_or_default();
    for action in &plan.actions {
        match action {
            ModelAction::ApplyDeployment(deployment) => {
                writer.apply::<Deployment>("applying a Deployment", deployment).await?;
            }
            ModelAction::ApplyService(service) => writer.apply::<Service>("applying a Service", service).await?,
            ModelAction::Adapter(change) => change_adapter(ctx, change).await,
            ModelAction::CreateRun(run) => writer.create::<TrainingRun>("creating a TrainingRun", run).await?,
            ModelAction::CreateEvaluation(evaluation) => {
                writer.create::<Evaluation>("creating an Evaluation", evaluation).await?;
            }
            ModelAction::CreateRollout(rollout) => writer.create::<Rollout>("creating a Rollout", rollout).await?,
            ModelAction::Hold { child, name, held } => hold(&writer, &namespace, *child, name, *held).await?,
            ModelAction::Delete { child, name } => match child {
                Child::TrainingRun => {
                    writer.delete::<TrainingRun>("deleting an old TrainingRun", &namespace, name).await?;
                }
                Child::Evaluation => {
                    writer.delete::<Evaluation>("deleting an old Evaluation", &namespace, name).await?;
                }
                Child::Rollout => writer.delete::<Rollout>("deleting an old Rollout", &namespace, name).await?,
            },
        }
    }
    Ok(())
}

/// Loads or unloads an adapter. A server that refuses is no reason to stop: the next look sees it, and says so.
pub(crate) async fn change_adapter(ctx: &Context, change: &AdapterChange) {
    match change {
        AdapterChange::Load { address, incarnation, name, adapter } => {
            if let Err(error) = ctx.inference.load(address, name, adapter).await {
                tracing::warn!(%error, address, name, "An adapter was not loaded.");
                ctx.memory.refused(incarnation, name, ctx.now(), &error.to_string());
            }
        }
        AdapterChange::Unload { address, name } => {
            if let Err(error) = ctx.inference.unload(address, name).await {
                tracing::warn!(%error, address, name, "An adapter was not unloaded.");
            }
        }
    }
}

/// Holds a child with its model, or lets it go on. The annotation tells a hold of ours from a person's.
async fn hold(writer: &Writer<'_>, namespace: &str, child: Child, name: &str, held: bool) -> Result<(), ActError> {
    let mark = if held { json!("true") } else { json!(null) };
    let patch =
        |field: &str| json!({ "metadata": { "annotations": { HELD_ANNOTATION: mark } }, "spec": { field: held } });
    match child {
        Child::TrainingRun => {
            writer.merge::<TrainingRun>("holding a TrainingRun", namespace, name, &patch("suspend")).await
        }
        Child::Evaluation => {
            writer.merge::<Evaluation>("holding an Evaluation", namespace, name, &patch("suspend")).await
        }
        Child::Rollout => writer.merge::<Rollout>("holding a Rollout", namespace, name, &patch("paused")).await,
    }
}
