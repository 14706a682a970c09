//! Keeps the routes as the Kubernetes API has them: three watches, read-only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use futures::{Stream, StreamExt as _};
use genesis_api::names::{MODEL_LABEL, ROLE_LABEL};
use genesis_api::{GenesisModel, Rollout};
use k8s_openapi::api::core::v1::Pod;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::build::build;
use super::table::RouteTable;

/// The routes as they change, and whether every watch has seen its first list.
#[derive(Clone)]
pub struct Routes {
    /// The newest table.
    pub table: watch::Receiver<Arc<RouteTable>>,
    /// What has not been listed yet, for `/readyz`.
    pub unsynced: Arc<Unsynced>,
}

/// The watches that have not seen their first list.
#[derive(Debug)]
pub struct Unsynced(AtomicU8);

const NAMES: [&str; 3] = ["GenesisModels", "Rollouts", "Pods"];

impl Unsynced {
    /// None are missing.
    pub fn none() -> Self {
        Self(AtomicU8::new(0))
    }

    /// Names of the kinds that are still missing.
    pub fn names(&self) -> Vec<&'static str> {
        let bits = self.0.load(Ordering::Acquire);
        NAMES.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| *name).collect()
    }

    fn seen(&self, bit: u8) {
        self.0.fetch_and(!(1 << bit), Ordering::AcqRel);
    }
}

/// Starts the watches; they end with `shutdown`. `namespace`: only this one.
pub fn start(client: &Client, namespace: Option<&str>, shutdown: &CancellationToken) -> Routes {
    let (changed, changes) = mpsc::channel(1);
    let unsynced = Arc::new(Unsynced(AtomicU8::new(0b111)));
    let workers = format!("{MODEL_LABEL},{ROLE_LABEL} in (serving,sandbox)");
    let models = follow(api(client, namespace), watcher::Config::default(), (0, &unsynced), &changed, shutdown);
    let rollouts = follow(api(client, namespace), watcher::Config::default(), (1, &unsynced), &changed, shutdown);
    let pods =
        follow(api(client, namespace), watcher::Config::default().labels(&workers), (2, &unsynced), &changed, shutdown);
    let (announce, table) = watch::channel(Arc::default());
    tokio::spawn(rebuild(models, rollouts, pods, changes, announce));
    Routes { table, unsynced }
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// Keeps a store of one kind and says after each change that there was one.
///
/// An object that this release cannot read is in the store without its content: it must not keep the others out.
fn follow<K>(
    api: Api<DeserializeGuard<K>>,
    config: watcher::Config,
    (bit, unsynced): (u8, &Arc<Unsynced>),
    changed: &mpsc::Sender<()>,
    shutdown: &CancellationToken,
) -> Store<DeserializeGuard<K>>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let events = watcher(api, config).default_backoff().reflect(writer);
    let (unsynced, changed, shutdown) = (Arc::clone(unsynced), changed.clone(), shutdown.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = drain(events, bit, &unsynced, &changed) => {}
        }
    });
    store
}

async fn drain<K>(
    events: impl Stream<Item = watcher::Result<watcher::Event<DeserializeGuard<K>>>>,
    bit: u8,
    unsynced: &Unsynced,
    changed: &mpsc::Sender<()>,
) where
    K: kube::Resource<DynamicType = ()>,
{
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        if let Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) = &event {
            tell_unreadable(object);
        }
        match event {
            // Only complete lists and single changes are visible in the store.
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => continue,
            Ok(watcher::Event::InitDone) => unsynced.seen(bit),
            Ok(watcher::Event::Apply(_) | watcher::Event::Delete(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "A watch was interrupted; the routes stand as they were until it is back.");
                continue;
            }
        }
        // A full channel holds a notice already: the table that is built next includes this change.
        changed.try_send(()).ok();
    }
}

fn tell_unreadable<K: kube::Resource<DynamicType = ()>>(object: &DeserializeGuard<K>) {
    if let Err(error) = &object.0 {
        let (namespace, name) = (error.metadata.namespace.as_deref(), error.metadata.name.as_deref());
        tracing::warn!(kind = %K::kind(&()), namespace, name, %error, "An object cannot be read and is left out.");
    }
}

/// What of a store can be read.
fn readable<K>(store: &[Arc<DeserializeGuard<K>>]) -> Vec<&K> {
    store.iter().filter_map(|object| object.0.as_ref().ok()).collect()
}

async fn rebuild(
    models: Store<DeserializeGuard<GenesisModel>>,
    rollouts: Store<DeserializeGuard<Rollout>>,
    pods: Store<DeserializeGuard<Pod>>,
    mut changes: mpsc::Receiver<()>,
    announce: watch::Sender<Arc<RouteTable>>,
) {
    while changes.recv().await.is_some() {
        let (models, rollouts, pods) = (models.state(), rollouts.state(), pods.state());
        let table = build(readable(&models), &readable(&rollouts), &readable(&pods));
        announce.send_if_modified(|known| {
            let differs = **known != table;
            if differs {
                *known = Arc::new(table);
            }
            differs
        });
    }
}

#[cfg(test)]
mod tests;
