//! The controllers a cluster comes with: workloads, scheduler, garbage collection, namespaces, accounts, node health.
//!
//! Each is level-triggered and idempotent: it reads what is, decides (pure, in `decide` functions) and writes the
//! difference, so it may stop at any point and start again.

mod accounts;
mod common;
mod deployment;
mod garbage;
mod job;
mod nodes;
mod pod_finalizers;
mod replica_set;
mod scheduler;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;

/// Timings of the controllers.
#[derive(Clone, Copy, Debug)]
pub struct ControllerOptions {
    /// Wait before a Job's failed pod is replaced; doubled with every further failure. Kubernetes waits 10 s.
    pub job_backoff: Duration,
    /// Longest such wait. Kubernetes waits at most 10 min.
    pub job_backoff_limit: Duration,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self { job_backoff: Duration::from_millis(500), job_backoff_limit: Duration::from_secs(30) }
    }
}

/// The running controllers.
#[derive(Debug)]
pub struct Controllers {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Controllers {
    /// Starts the controllers of `cluster`.
    pub fn start(cluster: &Cluster, options: ControllerOptions) -> Self {
        let client = cluster.client();
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut run = |future: futures::future::BoxFuture<'static, ()>| {
            let stop = stop.clone();
            tasks.spawn(async move {
                stop.run_until_cancelled(future).await;
            });
        };
        run(Box::pin(garbage::run(cluster.clone())));
        run(Box::pin(accounts::run(client.clone())));
        run(Box::pin(nodes::run(client.clone())));
        run(Box::pin(scheduler::run(client.clone())));
        run(Box::pin(replica_set::run(client.clone())));
        run(Box::pin(deployment::run(client.clone())));
        run(Box::pin(job::run(client.clone(), options)));
        run(Box::pin(pod_finalizers::run(client)));
        Self { stop, tasks }
    }

    /// Stops the controllers and waits for them.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
