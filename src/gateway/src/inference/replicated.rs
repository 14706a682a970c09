//! The inference pods of a model as one model that survives the restart of any of them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use genesis_client::{CompletionRequest, Error as ClientError, InferenceClient};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Model, ModelError};
use crate::routing::{Lease, ModelKey, Outstanding, Replica, RouteTable};

/// How long and how often a request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// From the first attempt to giving up. Longer than a pod takes to start.
    pub total: Duration,
    /// Between two attempts where nothing changed in the meantime.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { total: Duration::from_secs(30), pause: Duration::from_millis(100) }
    }
}

/// Sends each request to the ready replica with the fewest outstanding ones, and to another when one fails.
#[derive(Clone)]
pub struct ReplicatedModel {
    http: reqwest::Client,
    routes: watch::Receiver<Arc<RouteTable>>,
    outstanding: Outstanding,
    port: u16,
    retry: RetryPolicy,
}

impl ReplicatedModel {
    /// `port` is the public port of an inference pod.
    pub fn new(http: reqwest::Client, routes: watch::Receiver<Arc<RouteTable>>, port: u16, retry: RetryPolicy) -> Self {
        Self { http, routes, outstanding: Outstanding::default(), port, retry }
    }

    /// Takes a ready replica of the model, the least busy one that is not in `avoid`.
    pub fn take(&self, model: &ModelKey, avoid: &[IpAddr]) -> Option<(Replica, Lease)> {
        let table = self.routes.borrow().clone();
        self.outstanding.take(&table.get(model)?.serving, avoid)
    }

    fn url(&self, replica: &Replica) -> String {
        format!("http://{}", SocketAddr::new(replica.address, self.port))
    }

    /// Sends a request to a replica as it is.
    pub async fn send(&self, replica: &Replica, path: &str, body: Bytes) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}{path}", self.url(replica));
        self.http.post(url).header(CONTENT_TYPE, "application/json").body(body).send().await
    }

    async fn attempt(&self, replica: &Replica, request: &CompletionRequest) -> Result<Vec<String>, ClientError> {
        let url = self.url(replica);
        let client = InferenceClient::new(self.http.clone(), &url, &url);
        Ok(client.complete(request).await?.into_iter().map(|choice| choice.text).collect())
    }

    async fn complete_somewhere(
        &self,
        model: &ModelKey,
        request: &CompletionRequest,
    ) -> Result<Vec<String>, ModelError> {
        let deadline = Instant::now() + self.retry.total;
        let mut routes = self.routes.clone();
        let (mut attempts, mut failed, mut last) = (0, Vec::new(), "no ready replica".to_owned());
        loop {
            if let Some((replica, _lease)) = self.take(model, &failed) {
                attempts += 1;
                match self.attempt(&replica, request).await {
                    Ok(texts) => return Ok(texts),
                    Err(error) if error.status() == Some(404) => {
                        return Err(ModelError::UnknownName { name: request.model.clone() });
                    }
                    Err(error) if error.is_transient() => {
                        tracing::warn!(pod = replica.pod, %error, "An inference replica failed; trying again.");
                        last = error.to_string();
                        failed.push(replica.address);
                    }
                    Err(error) => return Err(ModelError::Refused(error.to_string())),
                }
            }
            if Instant::now() >= deadline {
                return Err(ModelError::Unavailable { seconds: self.retry.total.as_secs(), attempts, last });
            }
            // A pod that became ready is a reason to try at once; otherwise the failed ones get a moment.
            let untried = self
                .routes
                .borrow()
                .get(model)
                .is_some_and(|route| route.serving.iter().any(|replica| !failed.contains(&replica.address)));
            if !untried {
                drop(tokio::time::timeout(self.retry.pause, routes.changed()).await);
                failed.clear();
            }
        }
    }
}

impl Model for ReplicatedModel {
    fn complete<'a>(
        &'a self,
        model: &'a ModelKey,
        request: &'a CompletionRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, ModelError>> {
        self.complete_somewhere(model, request).boxed()
    }
}

#[cfg(test)]
mod tests;
