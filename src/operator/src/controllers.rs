//! The four controllers: what each watches, and what wakes it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use futures::{Future, StreamExt};
use genesis_api::names::MODEL_LABEL;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::error::Error;
use crate::lean::Lean;
use crate::model::observe::Names;
use crate::seen::Seen;
use crate::{evaluation, model, report, rollout, training_run};

/// What the controllers are started with.
#[derive(Clone)]
pub(crate) struct Wiring {
    /// Shared by all.
    pub(crate) ctx: Arc<Context>,
    /// Watch this namespace only.
    pub(crate) namespace: Option<String>,
    /// Objects of one kind that are worked on at once. Without a bound, a start with many objects asks for all at once.
    pub(crate) concurrency: u16,
    /// Ends them.
    pub(crate) shutdown: CancellationToken,
}

/// Runs all four until they are asked to stop.
pub(crate) async fn run(wiring: &Wiring) {
    wiring.ctx.metrics.leads();
    tokio::join!(models(wiring), training_runs(wiring), evaluations(wiring), rollouts(wiring));
}

async fn models(wiring: &Wiring) {
    // Rollouts and Evaluations of a person are not owned, but their adapters must stay loaded.
    let config = watcher::Config::default;
    let controller = wiring
        .controller::<GenesisModel>()
        .watches(wiring.api::<PartialObjectMeta<Deployment>>(), config(), wiring.told(|found| owner(&found)))
        .watches(wiring.api::<PartialObjectMeta<TrainingRun>>(), config(), wiring.told(|found| owner(&found)))
        .watches(wiring.api::<Lean<Evaluation>>(), config(), wiring.told(named))
        .watches(wiring.api::<Lean<Rollout>>(), config(), wiring.told(named))
        .watches(
            wiring.api::<PartialObjectMeta<Pod>>(),
            config().labels(MODEL_LABEL),
            wiring.told(|pod: PartialObjectMeta<Pod>| pod.labels().get(MODEL_LABEL).cloned()),
        );
    drive("GenesisModel", controller, model::reconcile, wiring).await;
}

async fn training_runs(wiring: &Wiring) {
    let controller = wiring.controller::<TrainingRun>().owns(wiring.api::<Job>(), watcher::Config::default());
    drive("TrainingRun", controller, training_run::reconcile, wiring).await;
}

async fn evaluations(wiring: &Wiring) {
    let controller = wiring.controller::<Evaluation>().owns(wiring.api::<Job>(), watcher::Config::default());
    drive("Evaluation", controller, evaluation::reconcile, wiring).await;
}

async fn rollouts(wiring: &Wiring) {
    drive("Rollout", wiring.controller::<Rollout>(), rollout::reconcile, wiring).await;
}

/// The model that owns an object.
fn owner(object: &impl ResourceExt) -> Option<String> {
    let kind = GenesisModel::kind(&());
    object.owner_references().iter().find(|owner| owner.kind == kind).map(|owner| owner.name.clone())
}

/// The model that an object names.
fn named<K: Names + Clone>(guard: Lean<K>) -> Option<String> {
    guard.0.ok().map(|object| object.model().to_owned())
}

impl Wiring {
    /// The objects of a kind that this operator looks after.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let client: Client = self.ctx.client.clone();
        match &self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    /// Which model a watch tells of: it does not rest any more, and is looked at.
    fn told<K: ResourceExt>(
        &self,
        name: impl Fn(K) -> Option<String> + Clone + Send + Sync + 'static,
    ) -> impl Fn(K) -> Option<ObjectRef<Lean<GenesisModel>>> + Clone + Send + Sync + 'static {
        let ctx = self.ctx.clone();
        move |object| {
            let namespace = object.namespace().unwrap_or_default();
            let name = name(object)?;
            ctx.resting.changed(&namespace, &name);
            Some(ObjectRef::new(&name).within(&namespace))
        }
    }

    /// A controller of one kind.
    fn controller<K>(&self) -> Controller<Lean<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        Controller::new(self.api::<Lean<K>>(), watcher::Config::default())
            .with_config(controller::Config::default().concurrency(self.concurrency))
            .graceful_shutdown_on(self.shutdown.clone().cancelled_owned())
    }
}

/// Runs one controller, and reports what comes of each reconcile.
async fn drive<K, F>(
    kind: &'static str,
    controller: Controller<Lean<K>>,
    reconcile: impl Fn(Arc<Lean<K>>, Arc<Context>) -> F + Send + Sync + Copy + 'static,
    wiring: &Wiring,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = Result<Action, Error>> + Send + 'static,
{
    let seen = Arc::new(Seen::new(controller.store()));
    let reported = move |object: Arc<Lean<K>>, ctx: Arc<Context>| {
        let seen = seen.clone();
        async move {
            let begun = Instant::now();
            ctx.metrics.began(kind);
            let result = reconcile(object.clone(), ctx.clone()).await;
            let label = result.as_ref().map_or_else(Error::reason, |_| "ok");
            ctx.metrics.reconciled(kind, label, begun.elapsed());
            ctx.metrics.seen(kind, seen.note(&object));
            if let Err(error) = &result {
                report::failure(&ctx, &*object, error).await;
            }
            result
        }
    };
    let retry = |_: Arc<Lean<K>>, error: &Error, _: Arc<Context>| Action::requeue(error.retry_after());
    let stream = controller.run(reported, retry, wiring.ctx.clone());
    // Errors of the watch are soft: it goes on by itself. Errors of reconciles are told above.
    stream
        .for_each(|result| async move {
            if let Err(controller::Error::QueueError(error)) = result {
                tracing::warn!(kind, %error, "A watch was interrupted; it goes on.");
            }
        })
        .await;
}
