//! Passing a request on to an inference replica under the served name that the routes choose.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use genesis_ledger::types::generation::Arm;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::bytes_of;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::generate::header as text_of;
use crate::inference::ModelError;
use crate::routing::{Choice, ModelRoute, choose};

/// Passes the request on, to another replica where one fails, for as long as the retry policy allows.
pub async fn forward(
    app: &App,
    route: &ModelRoute,
    path: &str,
    headers: &HeaderMap,
    mut body: Value,
) -> Result<Response, ApiError> {
    let own = || Uuid::new_v4().to_string();
    let user = body.get("user").and_then(Value::as_str).map(ToOwned::to_owned);
    let session = user.or_else(|| text_of(headers, "x-genesis-session")).unwrap_or_else(own);
    let mut choice = choose(route, &route.key.namespace, &session);
    let deadline = Instant::now() + app.config.retry.total;
    let (mut failed, mut attempts, mut last) = (Vec::new(), 0, "no ready replica".to_owned());
    loop {
        body["model"] = Value::String(choice.served.name.clone());
        if let Some((replica, lease)) = app.inference.take(&route.key, &failed) {
            attempts += 1;
            match app.inference.send(&replica, path, bytes_of(&body)).await {
                // A replica that has just restarted may not have the canary yet.
                Ok(response) if response.status() == StatusCode::NOT_FOUND && choice.arm == Arm::Canary => {
                    choice = Choice { served: route.stable.clone(), arm: Arm::Stable };
                    continue;
                }
                Ok(response) if !response.status().is_server_error() => return Ok(passed_on(response, lease)),
                Ok(response) => last = format!("{} answered {}", replica.pod, response.status()),
                Err(error) => last = error.to_string(),
            }
            failed.push(replica.address);
        }
        if Instant::now() >= deadline {
            return Err(ModelError::Unavailable { seconds: app.config.retry.total.as_secs(), attempts, last }.into());
        }
        sleep(app.config.retry.pause).await;
    }
}

/// The replica's answer as it comes; the lease is held until the last byte.
fn passed_on(response: reqwest::Response, lease: crate::routing::Lease) -> Response {
    use futures::StreamExt as _;
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let bytes = response.bytes_stream().map(move |chunk| {
        let _held = &lease;
        chunk
    });
    let mut passed = (status, Body::from_stream(bytes)).into_response();
    if let Some(content_type) = content_type {
        passed.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    passed
}
