use std::fmt::Debug;
use std::sync::Arc;

use genesis_api::names::{Role, model_selector, turn_name, workload_name};
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
    let (serving, service, sandbox, replicas, mut runs, mut evaluations, mut rollouts, learning) = futures::try_join!(
        get::<Deployment>(ctx, &namespace, workload_name(&name, Role::Serving)),
        get::<Service>(ctx, &namespace, workload_name(&name, Role::Serving)),
        get::<Deployment>(ctx, &namespace, workload_name(&name, Role::Sandbox)),
        serving::observe(ctx, &namespace, &name, &model.spec.served_model_name, &wanted),
        children::<TrainingRun>(ctx, &namespace, &name),
        children::<Evaluation>(ctx, &namespace, &name),
        children::<Rollout>(ctx, &namespace, &name),
        async { Ok(learning(ctx, model).await) },
    )?;
    if let Some(turn) = open_turn(model) {
        futures::try_join!(
            add(ctx, model, &turn, &mut runs),
            add(ctx, model, &turn, &mut evaluations),
            add(ctx, model, &turn, &mut rollouts),
        )?;
    }
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

/// Name of the objects of the turn whose number was given out last, if its end is not written down.
fn open_turn(model: &GenesisModel) -> Option<String> {
    let status = model.status.as_ref().filter(|status| status.revision > 0)?;
    let ended = status.history.iter().any(|entry| entry.revision == status.revision);
    (!ended).then(|| turn_name(&model.name_any(), status.revision))
}

/// Adds the object of this name, if there is one that was not listed. A list can be older than what the status says of
/// the turn, and who takes an object for gone because of that would begin another turn, or call this one withdrawn.
async fn add<K>(ctx: &Context, model: &GenesisModel, name: &str, listed: &mut Vec<K>) -> Result<(), ObserveError>
where
    K: Names + Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    if listed.iter().all(|object| object.name_any() != name) {
        let namespace = model.namespace().unwrap_or_default();
        let api = Api::<DeserializeGuard<K>>::namespaced(ctx.client.clone(), &namespace);
        let found = api.get_opt(name).await.map_err(observing("reading the objects of a turn"))?;
        // A person may have given the name to an object of another model.
        let ours = |object: &K| object.model() == model.name_any();
        listed.extend(found.and_then(|guard| guard.0.ok()).filter(ours));
    }
    Ok(())
}

/// The adapters that every replica must have.
pub(super) fn wanted(model: &GenesisModel) -> Vec<AdapterRef> {
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

/// What names a model.
pub(crate) trait Names {
    /// The name of that model.
    fn model(&self) -> &str;
}

impl Names for TrainingRun {
    fn model(&self) -> &str {
        &self.spec.model_ref.name
    }
}

impl Names for Evaluation {
    fn model(&self) -> &str {
        &self.spec.model_ref.name
    }
}

impl Names for Rollout {
    fn model(&self) -> &str {
        &self.spec.model_ref.name
    }
}

/// The objects that name a model and can be read, the oldest first. One that cannot be read must not stop the others.
pub(crate) async fn children<K>(ctx: &Context, namespace: &str, model: &str) -> Result<Vec<K>, ObserveError>
where
    K: Names + Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api = Api::<DeserializeGuard<K>>::namespaced(ctx.client.clone(), namespace);
    let named = ListParams::default().fields(&model_selector(model));
    let listed = match api.list(&named).await {
        // A server before 1.31 knows no selectable fields.
        Err(kube::Error::Api(status)) if status.code == 400 => api.list(&ListParams::default()).await,
        listed => listed,
    };
    let listed = listed.map_err(observing("listing children"))?;
    let mut found: Vec<K> = listed.items.into_iter().filter_map(|guard| guard.0.ok()).collect();
    found.retain(|object| object.model() == model);
    found.sort_by_key(|object| (object.creation_timestamp(), object.name_any()));
    Ok(found)
}

/// What the gateway says of a model.
pub(super) async fn learning(ctx: &Context, model: &GenesisModel) -> Learning {
    let Some(gateway) = &ctx.gateway else { return Learning::NoGateway };
    let (namespace, name) = (model.namespace().unwrap_or_default(), model.name_any());
    let since = model.status.as_ref().map_or(0, |status| status.watermark.max(0).unsigned_abs());
    match gateway.learning(&namespace, &name, since).await {
        Ok(snapshot) => Learning::Known(snapshot),
        Err(error) => Learning::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use genesis_minicluster::cluster::Cluster;
    use genesis_minicluster::faults::Lag;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use kube::api::PostParams;

    use super::*;
    use crate::model::children;
    use crate::model::testing::{context, model};

    /// An operator that begins on an old view has a model of now, and a list that does not show its turn yet.
    #[tokio::test]
    async fn a_turn_that_is_not_listed_yet_is_asked_for_by_name() {
        let cluster = Cluster::in_memory().unwrap();
        let definitions = Api::<CustomResourceDefinition>::all(cluster.client());
        let mut revision = String::new();
        for definition in genesis_api::crds() {
            let made = definitions.create(&PostParams::default(), &definition).await.unwrap();
            revision = made.resource_version().unwrap();
        }
        let mut model = model();
        model.metadata.namespace = Some("default".into());
        let runs = Api::<TrainingRun>::namespaced(cluster.client(), "default");
        runs.create(&PostParams::default(), &children::training_run(&model, 1, "")).await.unwrap();
        let ctx = context(Lag::at(revision.parse().unwrap()).client(cluster.service()));
        let unknown = observe(&ctx, &model).await.unwrap();
        assert!(unknown.runs.is_empty(), "nothing says that there is one");
        model.status.get_or_insert_default().revision = 1;
        let known = observe(&ctx, &model).await.unwrap();
        assert_eq!(known.runs.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["coder-r1"]);
    }
}
