//! A view of the past: what a client lists and watches stands still until it catches up.
//!
//! So does an API server that lags behind the others, and a controller that starts anew and speaks to it travels back in
//! time. What is read by name, and what is written, is of now: servers answer these from the store.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, Uri};
use kube::client::Body as ClientBody;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use super::layer::{forward, seen};
use crate::cluster::Verb;

/// Handle on the view of one client.
#[derive(Clone, Debug)]
pub struct Lag {
    revision: u64,
    over: CancellationToken,
}

impl Lag {
    /// A view that stands still at `revision`.
    pub fn at(revision: u64) -> Self {
        Self { revision, over: CancellationToken::new() }
    }

    /// A client of `service` with this view.
    pub fn client<S, B>(&self, service: S) -> kube::Client
    where
        S: Service<Request<ClientBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        kube::Client::new(LagService { inner: service, lag: self.clone() }, "default")
    }

    /// From now on everything is seen as it is, beginning with what was missed.
    pub fn catch_up(&self) {
        self.over.cancel();
    }

    /// The same list as it was at the revision of this view.
    fn of_then(&self, uri: &Uri) -> Uri {
        let query = uri.query().unwrap_or_default().split('&');
        let others = query.filter(|part| !part.is_empty() && !part.starts_with("resourceVersion"));
        let revision = self.revision.to_string();
        let then = [format!("resourceVersion={revision}"), "resourceVersionMatch=Exact".to_owned()];
        let query: Vec<String> = others.map(str::to_owned).chain(then).collect();
        format!("{}?{}", uri.path(), query.join("&")).parse().unwrap_or_else(|_| uri.clone())
    }
}

/// A service as one sees it from the past.
#[derive(Clone, Debug)]
pub struct LagService<S> {
    inner: S,
    lag: Lag,
}

impl<S, B> Service<Request<ClientBody>> for LagService<S>
where
    S: Service<Request<ClientBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<ClientBody>) -> Self::Future {
        let (inner, lag) = (self.inner.clone(), self.lag.clone());
        Box::pin(async move {
            match seen(&request).map(|seen| seen.verb) {
                Some(Verb::List) if !lag.over.is_cancelled() && !continues(&request) => {
                    *request.uri_mut() = lag.of_then(request.uri());
                }
                // Nothing new is heard of.
                Some(Verb::Watch) => lag.over.cancelled().await,
                _ => {}
            }
            Ok(forward(inner, request).await?.map(Body::new))
        })
    }
}

/// A further page is of the same revision as the first.
fn continues(request: &Request<ClientBody>) -> bool {
    request.uri().query().unwrap_or_default().split('&').any(|part| part.starts_with("continue="))
}
