//! The internal HTTP server: events of Jobs, requests to improve, probes, metrics.

mod improve;
mod jobs;
mod refusal;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

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
    pub(crate) ready: Readiness,
}

/// Whether the operator takes work, or what it waits for.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    waits_for: Arc<Mutex<Option<String>>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { waits_for: Arc::new(Mutex::new(Some("starting".to_owned()))) }
    }
}

impl Readiness {
    /// Not yet, for this reason.
    pub(crate) fn wait_for(&self, what: String) {
        *self.waits_for.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// From now on.
    pub(crate) fn reached(&self) {
        *self.waits_for.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn answer(&self) -> (StatusCode, String) {
        match &*self.waits_for.lock().unwrap_or_else(PoisonError::into_inner) {
            None => (StatusCode::OK, "ok".to_owned()),
            Some(what) => (StatusCode::SERVICE_UNAVAILABLE, what.clone()),
        }
    }
}

/// Serves until `shutdown`.
pub(crate) async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(app)).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/internal/v1/jobs/{kind}/{namespace}/{name}", post(jobs::take))
        .route("/internal/v1/models/{namespace}/{name}/improve", post(improve::improve))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(app)
}

async fn ready(State(app): State<App>) -> (StatusCode, String) {
    app.ready.answer()
}

/// Up is not enough: an operator whose watches hang hears of nothing, and only a restart helps it.
async fn healthy(State(app): State<App>) -> (StatusCode, String) {
    match app.ctx.watches.stalled(Instant::now()) {
        None => (StatusCode::OK, "ok".to_owned()),
        Some((watch, silence)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("nothing has come on the watch of {watch} for {} s", silence.as_secs()),
        ),
    }
}

async fn metrics(State(app): State<App>) -> ([(header::HeaderName, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.ctx.metrics.text(&app.ctx.watches.silences(Instant::now())))
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
