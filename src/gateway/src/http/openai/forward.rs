//! Passing a request on to an inference replica under the served name that the routes choose.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use genesis_ledger::types::generation::Arm;
use serde_json::Value;
use uuid::Uuid;

use super::bytes_of;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::generate::header as text_of;
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
    let mut attempts = app.inference.attempts(&route.key);
    while let Some((replica, lease)) = attempts.next().await {
        body["model"] = Value::String(choice.served.name.clone());
        match attempts.within(app.inference.send(&replica, path, bytes_of(&body))).await {
            // A replica that has just restarted may not have the canary yet: the stable model answers there.
            Ok(Ok(response)) if response.status() == StatusCode::NOT_FOUND && choice.arm == Arm::Canary => {
                choice = Choice { served: route.stable.clone(), arm: Arm::Stable };
            }
            // Nor the champion: another replica has it, and this one gets it in a moment.
            Ok(Ok(response)) if response.status() == StatusCode::NOT_FOUND || response.status().is_server_error() => {
                attempts.fail(&replica, format!("{} answered {}", replica.pod, response.status()));
            }
            Ok(Ok(response)) => return Ok(passed_on(response, lease)),
            Ok(Err(error)) => attempts.fail(&replica, error.to_string()),
            Err(late) => attempts.fail(&replica, late),
        }
    }
    Err(app.inference.unavailable(&attempts).into())
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
