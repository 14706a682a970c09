//! The tower layer that carries a plan out.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use kube::client::Body as ClientBody;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Layer, Service, ServiceExt as _};

use super::{
    plan::{Fault, FaultPlan, Seen},
    trace::{Trace, TracedRequest},
    watch,
};
use crate::cluster::{Route, Verb, route};

/// Handle on the faults of one client: its trace, and whether it has crashed.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    plan: Mutex<FaultPlan>,
    trace: Mutex<Trace>,
    crashed: CancellationToken,
}

impl Faults {
    /// Faults after `plan`.
    pub fn new(plan: FaultPlan) -> Self {
        let inner = Inner { plan: Mutex::new(plan), trace: Mutex::default(), crashed: CancellationToken::new() };
        Self { inner: Arc::new(inner) }
    }

    /// A client of `service` that meets these faults.
    pub fn client<S, B>(&self, service: S) -> kube::Client
    where
        S: Service<Request<ClientBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        kube::Client::new(FaultLayer { faults: self.clone() }.layer(service), "default")
    }

    /// What went by so far.
    pub fn trace(&self) -> Trace {
        lock(&self.inner.trace).clone()
    }

    /// Resolves when the plan says that the controller dies. From then on nothing is answered any more: drop the
    /// controller's future and start a new one with a new client.
    pub async fn crashed(&self) {
        self.inner.crashed.cancelled().await;
    }

    pub(super) fn plan(&self) -> MutexGuard<'_, FaultPlan> {
        lock(&self.inner.plan)
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Trace> {
        lock(&self.inner.trace)
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.inner.crashed.is_cancelled()
    }

    pub(super) fn crash(&self) {
        self.inner.crashed.cancel();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts faults under a client.
#[derive(Clone, Debug)]
pub struct FaultLayer {
    faults: Faults,
}

impl FaultLayer {
    /// The layer of `faults`.
    pub fn new(faults: &Faults) -> Self {
        Self { faults: faults.clone() }
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = FaultService<S>;

    fn layer(&self, inner: S) -> FaultService<S> {
        FaultService { inner, faults: self.faults.clone() }
    }
}

/// A service behind faults.
#[derive(Clone, Debug)]
pub struct FaultService<S> {
    inner: S,
    faults: Faults,
}

impl<S, B> Service<Request<ClientBody>> for FaultService<S>
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

    fn call(&mut self, request: Request<ClientBody>) -> Self::Future {
        let (inner, faults) = (self.inner.clone(), self.faults.clone());
        Box::pin(async move {
            let Some(seen) = seen(&request) else {
                return Ok(forward(inner, request).await?.map(Body::new));
            };
            if faults.has_crashed() {
                return std::future::pending().await;
            }
            let fault = faults.plan().on_request(&seen);
            let at = {
                let mut trace = faults.record();
                trace.requests.push(TracedRequest { seen: seen.clone(), fault, status: None });
                trace.requests.len() - 1
            };
            match fault {
                Some(Fault::DropBefore) => return Err(lost("before")),
                Some(Fault::Answer(code)) => return Ok(refusal(code)),
                Some(Fault::Delay(by)) => tokio::time::sleep(by).await,
                Some(Fault::Hang) => return std::future::pending().await,
                Some(Fault::CrashBefore) => {
                    faults.crash();
                    return std::future::pending().await;
                }
                Some(Fault::LoseReply | Fault::CrashAfter) | None => {}
            }
            let response = forward(inner, request).await?;
            faults.record().requests[at].status = Some(response.status().as_u16());
            match fault {
                Some(Fault::LoseReply) => Err(lost("after")),
                Some(Fault::CrashAfter) => {
                    faults.crash();
                    std::future::pending().await
                }
                _ if seen.verb == Verb::Watch && response.status() == StatusCode::OK => {
                    Ok(response.map(|body| Body::from_stream(watch::disturb(Body::new(body), seen, faults))))
                }
                _ => Ok(response.map(Body::new)),
            }
        })
    }
}

pub(super) async fn forward<S, B>(inner: S, request: Request<ClientBody>) -> Result<Response<B>, BoxError>
where
    S: Service<Request<ClientBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    inner.oneshot(request).await.map_err(Into::into)
}

/// What a request on objects asks for; `None` for discovery and the like.
pub(super) fn seen(request: &Request<ClientBody>) -> Option<Seen> {
    let Ok(Route::Objects(target)) = route(request.uri().path()) else { return None };
    let query = request.uri().query().unwrap_or_default();
    let watch = query.split('&').any(|p| p == "watch=true" || p == "watch=1");
    Some(Seen {
        verb: Verb::of(request.method(), &target, watch)?,
        resource: target.plural,
        subresource: target.subresource.unwrap_or_default(),
        namespace: target.namespace.unwrap_or_default(),
        name: target.name.unwrap_or_default(),
    })
}

fn lost(when: &str) -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, format!("connection reset {when} the request was served")).into()
}

fn refusal(code: u16) -> Response<Body> {
    let (reason, message) = match code {
        409 => {
            ("Conflict", "the object has been modified; please apply your changes to the latest version and try again")
        }
        410 => ("Expired", "too old resource version"),
        429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ("Timeout", "the server was unable to return a response in the time allotted"),
        _ => ("InternalError", "an error on the server has prevented the request from succeeding"),
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
        "message": message, "code": code,
    });
    let mut response = Response::new(Body::from(status.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
