//! The sandbox pods of a model as one executor that survives the restart of any of them.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use genesis_core::execution::{ExecutionRecord, ExecutionRequest};
use genesis_sandbox::client::Client;
use tokio::sync::watch;

use super::{Executor, SandboxUnavailable};
use crate::routing::{Attempts, ModelKey, Outstanding, RetryPolicy, RouteTable};

/// Sends each batch to the ready sandbox with the fewest outstanding ones, and to another when one fails.
pub struct SandboxPool {
    routes: watch::Receiver<Arc<RouteTable>>,
    outstanding: Outstanding,
    port: u16,
    retry: RetryPolicy,
}

impl SandboxPool {
    /// `port` is where a sandbox pod listens.
    pub fn new(routes: watch::Receiver<Arc<RouteTable>>, port: u16, retry: RetryPolicy) -> Self {
        Self { routes, outstanding: Outstanding::default(), port, retry }
    }

    async fn run_somewhere(
        &self,
        model: &ModelKey,
        requests: Vec<ExecutionRequest>,
    ) -> Result<Vec<ExecutionRecord>, SandboxUnavailable> {
        let requests: Arc<[ExecutionRequest]> = requests.into();
        let routes = self.routes.clone();
        let mut attempts = Attempts::new(model, |route| &route.sandboxes, routes, &self.outstanding, self.retry);
        while let Some((replica, _lease)) = attempts.next().await {
            match ask(SocketAddr::new(replica.address, self.port), Arc::clone(&requests)).await {
                Ok(records) => return Ok(records),
                Err(error) => attempts.fail(&replica, error),
            }
        }
        Err(SandboxUnavailable(format!("{} (tried for {} s)", attempts.last(), self.retry.total.as_secs())))
    }
}

/// One batch at one sandbox. The client blocks, so it gets a thread.
async fn ask(address: SocketAddr, requests: Arc<[ExecutionRequest]>) -> Result<Vec<ExecutionRecord>, String> {
    let asked = tokio::task::spawn_blocking(move || Client::new(address).execute(&requests).map_err(|e| e.to_string()));
    asked.await.map_err(|e| e.to_string())?
}

impl Executor for SandboxPool {
    fn run<'a>(
        &'a self,
        model: &'a ModelKey,
        requests: Vec<ExecutionRequest>,
    ) -> BoxFuture<'a, Result<Vec<ExecutionRecord>, SandboxUnavailable>> {
        self.run_somewhere(model, requests).boxed()
    }
}
