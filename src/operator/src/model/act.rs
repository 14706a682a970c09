//! The only writer for a GenesisModel.

use genesis_api::names::HELD_ANNOTATION;
use genesis_api::{Evaluation, Rollout, TrainingRun};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use serde_json::json;

use super::decide::{Child, ModelAction, ModelPlan, created};
use super::observe::Observed;
use crate::apply::Writer;
use crate::context::Context;
use crate::error::ActError;
use crate::plan::Notice;
use crate::record;
use crate::serving::AdapterChange;

/// What came of acting.
#[derive(Debug, Default)]
pub(super) struct Acted {
    /// What could not be written.
    pub(super) failures: Vec<ActError>,
    /// The turn that was to begin did not.
    pub(super) not_begun: bool,
    /// What people should hear of.
    pub(super) notices: Vec<Notice>,
}

/// Does what was decided, in order. A write that is refused is noted and stops no other: a Deployment that nobody
/// admits must not keep a candidate that hurts in traffic.
pub(super) async fn act(ctx: &Context, observed: &Observed, plan: &ModelPlan) -> Acted {
    let namespace = observed.model.namespace().unwrap_or_default();
    let model = observed.model.name_any();
    let mut acted = Acted::default();
    for action in &plan.actions {
        match perform(ctx, &namespace, &model, action).await {
            Ok(()) => acted.notices.extend(created(action)),
            Err(error) => {
                acted.not_begun |= matches!(action, ModelAction::CreateRun(_));
                acted.failures.push(error);
            }
        }
    }
    acted
}

async fn perform(ctx: &Context, namespace: &str, model: &str, action: &ModelAction) -> Result<(), ActError> {
    let writer = Writer(&ctx.client);
    match action {
        ModelAction::ApplyDeployment(deployment) => {
            writer.apply::<Deployment>("applying a Deployment", deployment).await
        }
        ModelAction::ApplyService(service) => writer.apply::<Service>("applying a Service", service).await,
        ModelAction::Adapter(change) => {
            change_adapter(ctx, change).await;
            Ok(())
        }
        ModelAction::CreateRun(run) => writer.create::<TrainingRun>("creating a TrainingRun", run).await,
        ModelAction::CreateEvaluation(evaluation) => {
            writer.create::<Evaluation>("creating an Evaluation", evaluation).await
        }
        ModelAction::CreateRollout(rollout) => writer.create::<Rollout>("creating a Rollout", rollout).await,
        ModelAction::Record(kept) => record::keep(ctx, namespace, model, kept).await,
        ModelAction::Hold { child, name, held } => hold(&writer, namespace, *child, name, *held).await,
        ModelAction::Delete { child, name } => match child {
            Child::TrainingRun => writer.delete::<TrainingRun>("deleting an old TrainingRun", namespace, name).await,
            Child::Evaluation => writer.delete::<Evaluation>("deleting an old Evaluation", namespace, name).await,
            Child::Rollout => writer.delete::<Rollout>("deleting an old Rollout", namespace, name).await,
        },
    }
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
    let held = match child {
        Child::TrainingRun => {
            writer.merge::<TrainingRun>("holding a TrainingRun", namespace, name, &patch("suspend")).await
        }
        Child::Evaluation => {
            writer.merge::<Evaluation>("holding an Evaluation", namespace, name, &patch("suspend")).await
        }
        Child::Rollout => writer.merge::<Rollout>("holding a Rollout", namespace, name, &patch("paused")).await,
    };
    held.map(drop)
}

#[cfg(test)]
mod tests {
    use genesis_minicluster::cluster::Cluster;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use kube::Api;
    use kube::api::PostParams;

    use super::*;
    use crate::model::testing::{adapter, context, model, observed};
    use crate::model::{children, workloads};
    use crate::plan::Plan;

    #[tokio::test]
    async fn a_write_that_is_refused_stops_no_other() {
        let client = Cluster::in_memory().unwrap().client();
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        for definition in genesis_api::crds() {
            definitions.create(&PostParams::default(), &definition).await.unwrap();
        }
        let mut model = model();
        model.metadata.namespace = Some("default".into());
        let ctx = context(client.clone());
        let mut refused = workloads::sandbox(&model, &ctx.settings);
        refused.metadata.name = Some("Not A Name".into());
        let evaluation = children::evaluation(&model, 1, None, &adapter(1));
        let actions =
            vec![ModelAction::ApplyDeployment(Box::new(refused)), ModelAction::CreateEvaluation(Box::new(evaluation))];
        let plan = Plan { actions, ..Plan::rest(genesis_api::GenesisModelStatus::default()) };
        let acted = act(&ctx, &observed(model, 0), &plan).await;
        assert_eq!((acted.failures.len(), acted.not_begun, acted.notices.len()), (1, false, 1));
        Api::<Evaluation>::namespaced(client, "default").get("coder-r1").await.unwrap();
    }
}
