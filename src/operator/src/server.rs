//! The internal HTTP server: events of Jobs, requests to improve, probes, metrics.

mod improve;
mod jobs;
mod refusal;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

pub(crate) use refusal::Refusal;

/// Largest event, bytes. An evaluation's summary with thousands of families fits.
const LARGEST_BODY: usize = 4 << 20;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) ctx: Arc<Context>,
    /// The definitions are installed, and the controllers run.
    pub(crate) ready: Arc<AtomicBool>,
}

/// Serves until `shutdown`.
pub(crate) async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(app)).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/internal/v1/jobs/{kind}/{namespace}/{name}", post(jobs::take))
        .route("/internal/v1/models/{namespace}/{name}/improve", post(improve::improve))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(app)
}

async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "waiting for the custom resource definitions; apply the files in crds/")
    }
}

async fn metrics(State(app): State<App>) -> ([(header::HeaderName, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.ctx.metrics.text())
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
