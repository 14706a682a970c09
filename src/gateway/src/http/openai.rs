//! The OpenAI-compatible endpoints under `/v1`.
//!
//! A model is offered under two names. `namespace/name` goes through the pipeline: gate, sandbox, learning. The served
//! name of the base goes straight to an inference replica, with the adapter that the routes choose, and is not
//! learned from.

mod forward;
mod messages;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::generate::{answer, header};
use super::json::{ApiJson, parse};
use crate::app::App;
use crate::clock::now_ms;
use crate::generate::{Answer, Asked};
use messages::{Message, prompt_of};

/// The fields of a chat request that matter here; clients send many more.
#[derive(Deserialize)]
struct ChatRequest {
    #[serde(default)]
    model: Option<String>,
    messages: Vec<Message>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    user: Option<String>,
}

/// The names under which models are offered
#[utoipa::path(get, path = "/v1/models", tag = "openai", responses((status = 200, description = "OpenAI's list of models", body = Object)))]
pub async fn models(State(app): State<App>) -> Json<Value> {
    let table = app.table();
    let data: Vec<Value> = table
        .routes()
        .flat_map(|route| {
            let entry = |id: String| json!({ "id": id, "object": "model", "created": 0, "owned_by": "genesis" });
            [entry(route.key.to_string()), entry(route.base.clone())]
        })
        .collect();
    Json(json!({ "object": "list", "data": data }))
}

/// Chat with a model
///
/// `model` is `namespace/name` for a program that was checked and executed, or the served name of the base model for
/// its plain words.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "openai",
    request_body(content = Object, example = json!({
        "model": "default/seedling", "messages": [{ "role": "user", "content": "def solve(n: int) -> int:\n    \"\"\"Add 1.\"\"\"\n" }]
    })),
    responses((status = 200, description = "OpenAI's chat completion", body = Object))
)]
pub async fn chat(
    State(app): State<App>,
    headers: HeaderMap,
    ApiJson(body): ApiJson<Value>,
) -> Result<Response, ApiError> {
    if let Some(route) = app.serving_as(named(&body))? {
        return forward::forward(&app, &route, "/v1/chat/completions", &headers, body).await;
    }
    let request: ChatRequest = parse(&serde_json::to_vec(&body).unwrap_or_default())?;
    let asked = Asked {
        prompt: prompt_of(&request.messages)?,
        use_patterns: true,
        samples: request.n.filter(|n| *n > 1),
        ..Asked::default()
    };
    let session = request.user.or_else(|| header(&headers, "x-genesis-session"));
    let answer = answer(&app, request.model.as_deref(), asked, header(&headers, "idempotency-key"), session).await?;
    Ok(if request.stream { streamed(&answer) } else { Json(completion(&answer)).into_response() })
}

/// Continue a text with the base model or its adapters
#[utoipa::path(
    post,
    path = "/v1/completions",
    tag = "openai",
    request_body(content = Object, example = json!({ "model": "seedling", "prompt": "def solve(n: int) -> int:\n" })),
    responses((status = 200, description = "OpenAI's completion", body = Object))
)]
pub async fn completions(
    State(app): State<App>,
    headers: HeaderMap,
    ApiJson(body): ApiJson<Value>,
) -> Result<Response, ApiError> {
    let route = app.serving_as(named(&body))?.ok_or_else(|| {
        let known: Vec<String> = app.table().routes().map(|route| route.base.clone()).collect();
        ApiError::new(
            StatusCode::NOT_FOUND,
            "model_not_found",
            "no model of that name completes texts",
            format!("send one of {known:?} as model; namespace/name is served by /v1/chat/completions"),
        )
    })?;
    forward::forward(&app, &route, "/v1/completions", &headers, body).await
}

fn named(body: &Value) -> Option<&str> {
    body.get("model").and_then(Value::as_str)
}

/// The words of the assistant: the program in a fence, or why there is none.
fn content(answer: &Answer) -> String {
    match &answer.code {
        Some(code) => format!("```python\n{}\n```", code.trim_end()),
        None => answer.explanation.clone(),
    }
}

fn completion(answer: &Answer) -> Value {
    json!({
        "id": format!("chatcmpl-{}", answer.id),
        "object": "chat.completion",
        "created": now_ms() / 1000,
        "model": answer.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content(answer) },
            "finish_reason": "stop",
        }],
        "genesis": answer,
    })
}

/// The answer as server-sent events: it is complete before it is told, so it comes in one piece.
fn streamed(answer: &Answer) -> Response {
    let chunk = |delta: Value, finish: Option<&str>| {
        json!({
            "id": format!("chatcmpl-{}", answer.id),
            "object": "chat.completion.chunk",
            "created": now_ms() / 1000,
            "model": answer.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        })
        .to_string()
    };
    let told = [
        chunk(json!({ "role": "assistant", "content": content(answer) }), None),
        chunk(json!({}), Some("stop")),
        "[DONE]".to_owned(),
    ];
    let events = told.map(|data| Ok::<_, std::convert::Infallible>(Event::default().data(data)));
    Sse::new(stream::iter(events)).into_response()
}

/// Bytes of a forwarded request.
fn bytes_of(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}
