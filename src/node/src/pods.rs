//! Which pods are ours, and one worker for each.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_pods};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::address::Addresses;
use crate::worker::{self, Shared};

/// Follows the pods bound to this node until shutdown, then ends them all.
pub async fn run(client: Client, options: Options, shutdown: CancellationToken) {
    let pods: Api<Pod> = Api::all(client.clone());
    let config = watcher::Config::default().fields(&format!("spec.nodeName={}", options.name));
    let mut events = watch_pods(pods, config).default_backoff().boxed();
    let shared = Arc::new(Shared {
        client,
        addresses: Addresses::open(&options.data),
        http: reqwest::Client::new(),
        options,
        shutdown: shutdown.clone(),
    });
    let mut workers = Workers { shared, running: HashMap::new(), tasks: JoinSet::new() };
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = workers.tasks.join_next(), if !workers.tasks.is_empty() => workers.ended(ended),
            event = events.next() => match event {
                Some(Ok(event)) => workers.handle(event),
                Some(Err(error)) => tracing::warn!(%error, "Watching pods was interrupted."),
                None => break,
            },
        }
    }
    while workers.tasks.join_next().await.is_some() {}
}

struct Workers {
    shared: Arc<Shared>,
    /// By uid: a pod that is deleted and made again under its old name is another pod.
    running: HashMap<String, watch::Sender<Option<Arc<Pod>>>>,
    tasks: JoinSet<String>,
}

impl Workers {
    fn handle(&mut self, event: Event<Pod>) {
        match event {
            Event::Apply(pod) | Event::InitApply(pod) => self.seen(pod),
            Event::Delete(pod) => {
                if let Some(sender) = pod.uid().and_then(|uid| self.running.get(&uid)) {
                    sender.send_replace(None);
                }
            }
            Event::Init | Event::InitDone => {}
        }
    }

    fn seen(&mut self, pod: Pod) {
        let Some(uid) = pod.uid() else { return };
        let pod = Arc::new(pod);
        if let Some(sender) = self.running.get(&uid) {
            sender.send_replace(Some(pod));
        } else if !is_finished(&pod) || pod.metadata.deletion_timestamp.is_some() {
            let (sender, receiver) = watch::channel(Some(pod));
            self.running.insert(uid.clone(), sender);
            let shared = self.shared.clone();
            self.tasks.spawn(async move {
                worker::run(shared, receiver).await;
                uid
            });
        }
    }

    fn ended(&mut self, ended: Result<String, tokio::task::JoinError>) {
        match ended {
            Ok(uid) => {
                self.running.remove(&uid);
            }
            Err(error) => tracing::error!(%error, "The worker of a pod ended badly."),
        }
    }
}

fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
