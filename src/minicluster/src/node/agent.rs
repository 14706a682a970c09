//! Follows the pods bound to the node and keeps one task for each.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    context::Context,
    orphans,
    pod::{PodRun, is_finished},
};

/// The longest that a stopping node waits for a pod to end by itself, whatever grace it has.
pub const LEAVE_GRACE: Duration = Duration::from_secs(20);

/// How long killing what is left, and noticing that it is dead, may take.
const LEAVE_MARGIN: Duration = Duration::from_secs(5);

/// The latest a pod's task should know.
#[derive(Clone, Debug)]
pub enum Seen {
    /// The pod's current form.
    Pod(Arc<Pod>),
    /// It is gone from the API.
    Gone,
    /// The node stops; the pod stays in the API.
    Leaving,
}

struct Agent {
    context: Arc<Context>,
    pods: HashMap<String, watch::Sender<Seen>>,
    tasks: JoinSet<String>,
}

/// Runs the pods bound to the node until `stop`.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    let selector = format!("spec.nodeName={}", context.options.name);
    let api: Api<Pod> = Api::all(context.client.clone());
    let stream = watcher(api, watcher::Config::default().fields(&selector)).default_backoff();
    let mut stream = std::pin::pin!(stream);
    let mut agent = Agent { context, pods: HashMap::new(), tasks: JoinSet::new() };
    let mut listed = HashSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = agent.tasks.join_next(), if !agent.tasks.is_empty() => {
                // A successor with the same uid may already be running.
                if let Ok(uid) = ended
                    && agent.pods.get(&uid).is_some_and(watch::Sender::is_closed)
                {
                    agent.pods.remove(&uid);
                }
            }
            event = stream.next() => match event {
                Some(Ok(watcher::Event::Init)) => listed.clear(),
                Some(Ok(watcher::Event::InitApply(pod))) => {
                    listed.insert(pod.uid().unwrap_or_default());
                    agent.see(pod);
                }
                Some(Ok(watcher::Event::InitDone)) => agent.forget_all_but(&listed),
                Some(Ok(watcher::Event::Apply(pod))) => agent.see(pod),
                Some(Ok(watcher::Event::Delete(pod))) => agent.forget(&pod.uid().unwrap_or_default()),
                Some(Err(error)) => tracing::debug!(%error, "the watch on the node's pods is retried"),
                None => break,
            },
        }
    }
    agent.leave().await;
}

impl Agent {
    fn see(&mut self, pod: Pod) {
        let uid = pod.uid().unwrap_or_default();
        let pod = Arc::new(pod);
        if let Some(sender) = self.pods.get(&uid)
            && !sender.is_closed()
        {
            sender.send_replace(Seen::Pod(pod));
            return;
        }
        if is_finished(&pod) && pod.metadata.deletion_timestamp.is_none() {
            return;
        }
        let (sender, updates) = watch::channel(Seen::Pod(pod.clone()));
        match PodRun::new(self.context.clone(), pod) {
            Ok(run) => {
                self.pods.insert(uid.clone(), sender);
                self.tasks.spawn(async move {
                    run.run(updates).await;
                    uid
                });
            }
            Err(error) => tracing::error!(%error, "no address for a pod; it waits for its next change"),
        }
    }

    /// Has every pod's processes end as they would want to, and returns when none is left.
    async fn leave(mut self) {
        for sender in self.pods.values() {
            sender.send_replace(Seen::Leaving);
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LEAVE_GRACE + LEAVE_MARGIN, all).await.is_err() {
            tracing::warn!("some pods did not end in time; their processes are killed");
        }
        // Dropping a pod's task kills its processes, and what these started is found by its mark.
        self.tasks.shutdown().await;
        let data_dir = self.context.options.data_dir.clone();
        tokio::task::spawn_blocking(move || orphans::end(&data_dir, LEAVE_MARGIN)).await.ok();
    }

    fn forget(&mut self, uid: &str) {
        if let Some(sender) = self.pods.get(uid) {
            sender.send_replace(Seen::Gone);
        }
    }

    fn forget_all_but(&mut self, listed: &HashSet<String>) {
        let gone: Vec<String> = self.pods.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        gone.iter().for_each(|uid| self.forget(uid));
    }
}
