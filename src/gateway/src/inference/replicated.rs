//! The inference pods of a model as one model that survives the restart of any of them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use genesis_client::{CompletionRequest, Error as ClientError, InferenceClient};
use tokio::sync::watch;

use super::{Model, ModelError};
use crate::routing::{Attempts, ModelKey, Outstanding, Replica, RetryPolicy, RouteTable};

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

    /// The attempts of one request at the replicas of a model.
    pub fn attempts<'a>(&'a self, model: &'a ModelKey) -> Attempts<'a> {
        Attempts::new(model, |route| &route.serving, self.routes.clone(), &self.outstanding, self.retry)
    }

    /// Why a request that ran out of attempts has no answer.
    pub fn unavailable(&self, attempts: &Attempts<'_>) -> ModelError {
        let (seconds, last) = (self.retry.total.as_secs(), attempts.last().to_owned());
        ModelError::Unavailable { seconds, attempts: attempts.made(), last }
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

    /// Whether the model answers most requests under this name now.
    fn is_stable(&self, model: &ModelKey, name: &str) -> bool {
        self.routes.borrow().get(model).is_some_and(|route| route.stable.name == name)
    }

    async fn complete_somewhere(
        &self,
        model: &ModelKey,
        request: &CompletionRequest,
    ) -> Result<Vec<String>, ModelError> {
        let unknown_name = || ModelError::UnknownName { name: request.model.clone() };
        let (mut attempts, mut unknown) = (self.attempts(model), false);
        while let Some((replica, _lease)) = attempts.next().await {
            let answer = attempts.within(self.attempt(&replica, request)).await;
            unknown = matches!(&answer, Ok(Err(error)) if error.status() == Some(404));
            match answer {
                Ok(Ok(texts)) => return Ok(texts),
                // A replica that has just restarted gets the champion back in a moment, and others have it. For any
                // other name the caller knows better than to wait.
                Ok(Err(_)) if unknown && !self.is_stable(model, &request.model) => return Err(unknown_name()),
                Ok(Err(error)) if unknown || error.is_transient() => attempts.fail(&replica, error.to_string()),
                Ok(Err(error)) => return Err(ModelError::Refused(error.to_string())),
                Err(late) => attempts.fail(&replica, late),
            }
        }
        Err(if unknown { unknown_name() } else { self.unavailable(&attempts) })
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
