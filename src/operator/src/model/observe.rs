use std::fmt::Debug;
use std::sync::Arc;

use genesis_api::names::{Role, workload_name};
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_core::AdapterRef;
use genesis_core::wire::LearningSnapshot;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::config::Settings;
use crate::context::Context;
use crate::error::{ObserveError, observing};
use crate::serving::{self, Replica};

/// Everything a decision about a model is taken from.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The model as it was read.
    pub model: GenesisModel,
    /// Its inference servers' Deployment.
    pub serving: Option<Deployment>,
    /// Its inference servers' Service.
    pub service: Option<Service>,
    /// Its sandbox pool's Deployment.
    pub sandbox: Option<Deployment>,
    /// Its ready serving pods, with the champion's and the pinned adapter's standing.
    pub replicas: Vec<Replica>,
    /// All TrainingRuns that name it.
    pub runs: Vec<TrainingRun>,
    /// All Evaluations that name it.
    pub evaluations: Vec<Evaluation>,
    /// All Rollouts that name it.
    pub rollouts: Vec<Rollout>,
    /// What was learned since the last training.
    pub learning: Learning,
    /// The configuration.
    pub settings: Arc<Settings>,
}

/// What the gateway says.
#[derive(Clone, Debug, PartialEq)]
pub enum Learning {
    /// The operator was started without a gateway.
    NoGateway,
    /// It does not answer, or not with what was asked.
    Unreachable(String),
    /// It answers.
    Known(LearningSnapshot),
}

/// Reads it.
pub(super) async fn observe(ctx: &Context, model: &GenesisModel) -> Result<Observed, ObserveError> {
    let namespace = model.namespace().unwrap_or_default();
    let name = model.name_any();
    let wanted = wanted(model);
    let (serving, service, sandbox, replicas, runs, evaluations, rollouts, learning) = futures::try_join!(
        get::<Deployment>(ctx, &namespace, workload_name(&name, Role::Serving)),
        get::<Service>(ctx, &namespace, workload_name(&name, Role::Serving)),
        get::<Deployment>(ctx, &namespace, workload_name(&name, Role::Sandbox)),
        serving::observe(ctx, &namespace, &name, &model.spec.served_model_name, &wanted),
        list(ctx, &namespace, |run: &TrainingRun| run.spec.model_ref.name == name),
        list(ctx, &namespace, |evaluation: &Evaluation| evaluation.spec.model_ref.name == name),
        list(ctx, &namespace, |rollout: &Rollout| rollout.spec.model_ref.name == name),
        async { Ok(learning(ctx, model, &namespace, &name).await) },
    )?;
    let settings = ctx.settings.clone();
    Ok(Observed {
        model: model.clone(),
        serving,
        service,
        sandbox,
        replicas,
        runs,
        evaluations,
        rollouts,
        learning,
        settings,
    })
}

/// The adapters that every replica must have.
fn wanted(model: &GenesisModel) -> Vec<AdapterRef> {
    let current =
        model.status.as_ref().and_then(|status| status.current_adapter.as_ref()).map(|current| &current.adapter);
    let mut wanted: Vec<AdapterRef> =
        model.spec.pinned_adapter.iter().chain(current).cloned().map(AdapterRef::from).collect();
    wanted.dedup();
    wanted
}

async fn get<K>(ctx: &Context, namespace: &str, name: String) -> Result<Option<K>, ObserveError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    Api::<K>::namespaced(ctx.client.clone(), namespace).get_opt(&name).await.map_err(observing("reading a workload"))
}

/// The objects of a namespace that can be read and are `ours`, the oldest first. One that cannot be read must not
/// stop the others.
pub(crate) async fn list<K>(ctx: &Context, namespace: &str, ours: impl Fn(&K) -> bool) -> Result<Vec<K>, ObserveError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api = Api::<DeserializeGuard<K>>::namespaced(ctx.client.clone(), namespace);
    let listed = api.list(&ListParams::default()).await.map_err(observing("listing children"))?;
    let mut found: Vec<K> = listed.items.into_iter().filter_map(|guard| guard.0.ok()).filter(ours).collect();
    found.sort_by_key(|object| (object.creation_timestamp(), object.name_any()));
    Ok(found)
}

async fn learning(ctx: &Context, model: &GenesisModel, namespace: &str, name: &str) -> Learning {
    let Some(gateway) = &ctx.gateway else { return Learning::NoGateway };
    let since = model.status.as_ref().map_or(0, |status| status.watermark.max(0).unsigned_abs());
    match gateway.learning(namespace, name, since).await {
        Ok(snapshot) => Learning::Known(snapshot),
        Err(error) => Learning::Unreachable(error.to_string()),
    }
}
