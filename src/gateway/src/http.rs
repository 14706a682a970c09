//! The HTTP servers: public API, operator's endpoints, metrics.

// A handler is async whether or not it waits for anything.
#![allow(clippy::unused_async)]

pub mod dashboard;
pub mod docs;
pub mod error;
pub mod events;
pub mod generate;
pub mod health;
pub mod improvement;
pub mod internal;
pub mod json;
pub mod knowledge;
pub mod layer;
pub mod openai;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::error::ApiError;
use crate::app::App;
use crate::improvement::numbers;
use crate::metrics::Metrics;

#[derive(OpenApi)]
#[openapi(
    info(title = "Genesis", description = "A code model that improves itself from its own executed work."),
    tags(
        (name = "genesis", description = "Generate, and see what is learned"),
        (name = "openai", description = "The same models for OpenAI's clients"),
        (name = "health", description = "For probes"),
    )
)]
struct Description;

/// The documented endpoints and their document.
fn documented() -> (Router<App>, Document) {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(generate::generate))
        .routes(routes!(improvement::status))
        .routes(routes!(improvement::trigger))
        .routes(routes!(knowledge::statistics))
        .routes(routes!(knowledge::top_patterns))
        .routes(routes!(knowledge::recent_learnings))
        .routes(routes!(events::events))
        .routes(routes!(openai::models))
        .routes(routes!(openai::chat))
        .routes(routes!(openai::completions))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .split_for_parts()
}

/// The OpenAPI document of the public API.
pub fn openapi() -> Document {
    documented().1
}

/// The public server.
pub fn public(app: App) -> Router {
    let (router, document) = documented();
    let document = Arc::new(document);
    let page = docs::page(&document);
    let router = router
        .route("/", get(dashboard::page))
        .route("/openapi.json", get(move || std::future::ready(Json(Arc::clone(&document)))))
        .route("/docs", get(move || std::future::ready(docs::html(page.clone()))));
    finish(router, app)
}

/// The operator's server.
pub fn internal(app: App) -> Router {
    finish(internal::router(app.clone()).route("/healthz", get(health::healthz)), app)
}

/// The server that Prometheus reads.
pub fn metrics(app: App) -> Router {
    finish(Router::new().route("/metrics", get(scrape)).route("/healthz", get(health::healthz)), app)
}

fn finish(router: Router<App>, app: App) -> Router {
    let metrics: Arc<Metrics> = Arc::clone(&app.pipeline.metrics);
    router
        .fallback(layer::not_found)
        .method_not_allowed_fallback(layer::method_not_allowed)
        .layer(from_fn_with_state(metrics, layer::envelope))
        .with_state(app)
}

async fn scrape(State(app): State<App>) -> Result<Response, ApiError> {
    let metrics = &app.pipeline.metrics;
    metrics.set_numbers(&numbers::of_all(&app.pipeline.ledger, &app.table()).await?);
    let text = metrics.text().map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

#[cfg(test)]
mod tests;
