//! Probes and metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::error::ApiError;
use crate::infer::engine::EngineError;

/// The engine's thread runs: liveness.
pub(super) async fn alive(State(app): State<Arc<App>>) -> Result<&'static str, ApiError> {
    if app.engine.is_alive() { Ok("ok") } else { Err(EngineError::Stopped.into()) }
}

/// Requests are accepted: readiness.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, ApiError> {
    if app.engine.is_draining() { Err(EngineError::ShuttingDown.into()) } else { alive(State(app)).await }
}

/// Metrics as OpenMetrics text.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let loaded = app.adapters.list();
    let name = |id| loaded.iter().find(|(_, adapter)| adapter.id == id).map(|(name, _)| name.clone());
    app.engine.metrics().refresh_adapters(app.adapters.limits().count, name);
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &app.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
