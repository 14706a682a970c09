//! Reading an object freshly, and writing its status back: compare and swap.

use std::fmt::Debug;
use std::time::Duration;

use genesis_api::conditions::{ConditionType, Conditions, TrainingRunReason as Reason};
use k8s_openapi::NamespaceResourceScope;
use kube::core::object::HasStatus;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::apply::{Object, Writer};
use crate::context::Context;
use crate::error::{ActError, Error, ObserveError, StatusError, observing};
use crate::plan::shortened;
use crate::words::Wording;

/// The object as it is now, not as a cache remembers it; nothing if it is gone or going.
pub(crate) async fn fresh<K>(ctx: &Context, object: &K) -> Result<Option<K>, ObserveError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api = Api::<K>::namespaced(ctx.client.clone(), object.namespace().as_deref().unwrap_or_default());
    let found = api.get_opt(&object.name_any()).await.map_err(observing("reading the object"))?;
    Ok(found.filter(|found| found.uid() == object.uid() && found.meta().deletion_timestamp.is_none()))
}

/// Writes a status, if it says something new, and only if the object is still the one that was read.
pub(crate) async fn write<K>(ctx: &Context, object: &K, status: K::Status) -> Result<(), StatusError>
where
    K: Object + HasStatus,
    K::Status: Wording,
{
    let uid = object.uid().unwrap_or_default();
    let patience = ctx.settings.poll.max(Duration::from_secs(1));
    if !ctx.written.should_write(&uid, object.status(), &status, patience) {
        return Ok(());
    }
    let mut next = object.clone();
    *next.status_mut() = Some(status);
    Writer(&ctx.client).replace_status(&next).await
}

/// Says in the status why what was decided could not be done, where that will not pass by itself. `status` holds nothing
/// that follows from what was not done: it is decided anew.
pub(crate) async fn write_refusal<K>(
    ctx: &Context,
    object: &K,
    mut status: K::Status,
    error: ActError,
) -> Result<Error, StatusError>
where
    K: Object + HasStatus,
    K::Status: Wording,
{
    if error.lasts() {
        let generation = object.meta().generation;
        let why = shortened(&error.to_string());
        let (observed, conditions, message) = status.words();
        *observed = generation;
        let mut conditions = Conditions::edit(conditions, generation, ctx.now());
        conditions.set_or_clear(ConditionType::Stalled, Some((Reason::ActFailed.into(), why.clone())));
        conditions.set_or_clear(ConditionType::Reconciling, None);
        if let Some(message) = message {
            *message = why;
        }
        write(ctx, object, status).await?;
    }
    Ok(error.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use genesis_api::TrainingRun;
    use genesis_api::conditions::find;
    use genesis_minicluster::cluster::{Cluster, Verb};
    use genesis_minicluster::faults::{Fault, FaultPlan, Faults, Nth, Pattern};
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use kube::api::PostParams;
    use serde_json::json;

    use super::*;
    use crate::lean::Lean;
    use crate::model::testing::context;
    use crate::training_run::reconcile;

    fn run() -> TrainingRun {
        let digest = genesis_core::Digest::of_bytes(b"d");
        let spec = json!({
            "modelRef": { "name": "coder" }, "baseModel": { "uri": "builtin://seedling" },
            "storage": { "uri": "file:///store" }, "dataset": { "uri": "file:///d", "digest": digest },
        });
        let mut run = TrainingRun::new("run", serde_json::from_value(spec).unwrap());
        run.metadata.namespace = Some("default".into());
        run
    }

    /// A quota, or a policy, may refuse a Job for as long as nobody does something about it.
    #[tokio::test]
    async fn what_is_refused_stands_in_the_status_until_it_is_done() {
        let cluster = Cluster::in_memory().unwrap();
        let definitions = Api::<CustomResourceDefinition>::all(cluster.client());
        for definition in genesis_api::crds() {
            definitions.create(&PostParams::default(), &definition).await.unwrap();
        }
        let runs = Api::<TrainingRun>::namespaced(cluster.client(), "default");
        let run = runs.create(&PostParams::default(), &run()).await.unwrap();
        let forbidden = Pattern::on(Verb::Create, "jobs");
        let faults = Faults::new(FaultPlan::none().request(forbidden, Nth::From(1), Fault::Answer(403)));
        let look = async |client| reconcile(Arc::new(Lean(Ok(run.clone()))), Arc::new(context(client))).await;
        assert!(look(faults.client(cluster.service())).await.is_err());
        let status = runs.get("run").await.unwrap().status.unwrap();
        let stalled = find(&status.conditions, ConditionType::Stalled).unwrap();
        assert_eq!((stalled.reason.as_str(), stalled.observed_generation), ("ActFailed", Some(1)));
        assert!(stalled.message.contains("creating the Job") && status.message == stalled.message, "{stalled:?}");
        assert!(status.start_time.is_some() && status.job_name.is_none(), "its time runs, and nothing was begun");
        look(cluster.client()).await.unwrap();
        let status = runs.get("run").await.unwrap().status.unwrap();
        assert!(find(&status.conditions, ConditionType::Stalled).is_none() && status.job_name.is_some(), "{status:?}");
    }
}
