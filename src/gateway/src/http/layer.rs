//! The outermost layer of every server: a name for each request, errors in the shape of the path, counts.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument as _;
use uuid::Uuid;

use super::error::ApiError;
use crate::metrics::Metrics;

/// Header with the name of a request; a consumer may choose it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, logs it, counts it, and writes the body of an error.
pub async fn envelope(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let trace_id = trace_id(&request);
    let openai = request.uri().path().starts_with("/v1/");
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", trace_id, method = %request.method(), route);
    let mut response = next.run(request).instrument(span).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let body = if openai { error.openai_body(&trace_id) } else { error.body(&trace_id) };
        response = with_body(response, body);
        tracing::debug!(trace_id, route, code = error.code, message = error.message, "A request was refused.");
    }
    if let Ok(value) = HeaderValue::from_str(&trace_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    metrics.request(&route, status);
    tracing::debug!(trace_id, route, status, millis = began.elapsed().as_millis() as u64, "A request was answered.");
    response
}

/// Paths that nobody serves.
pub async fn not_found(request: Request) -> ApiError {
    let message = format!("there is nothing at {}", request.uri().path());
    ApiError::new(StatusCode::NOT_FOUND, "not_found", message, "/docs lists every endpoint")
}

/// Methods that a path does not know.
pub async fn method_not_allowed(request: Request) -> ApiError {
    let message = format!("{} does not answer {}", request.uri().path(), request.method());
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
        "/docs lists every endpoint with its method",
    )
}

fn trace_id(request: &Request) -> String {
    let chosen = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    chosen.filter(plain).map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned)
}

/// The same status and headers with another body.
fn with_body(response: Response, body: serde_json::Value) -> Response {
    let (parts, _) = response.into_parts();
    let mut with_body = (parts.status, Json(body)).into_response();
    for (name, value) in &parts.headers {
        if !with_body.headers().contains_key(name) && *name != axum::http::header::CONTENT_LENGTH {
            with_body.headers_mut().insert(name.clone(), value.clone());
        }
    }
    with_body
}
