//! `POST /api/v1/genesis/generate`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use genesis_core::task::{Language, TestSuite};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{ApiError, ErrorBody};
use super::json::ApiJson;
use crate::app::App;
use crate::clock::now_ms;
use crate::generate::{Answer, Asked, Request};

/// What to generate.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateBody {
    /// The start of the program, or what it is to do.
    #[schema(example = "def solve(xs: list[int]) -> int:\n    \"\"\"Count the even numbers.\"\"\"\n")]
    pub prompt: String,
    /// Patterns that worked before may be shown to the model.
    #[serde(default = "yes")]
    pub use_patterns: bool,
    /// Idempotency key, as the header Idempotency-Key: a repeat gets the first answer and counts nothing twice.
    #[serde(default)]
    pub id: Option<String>,
    /// Name of the task: answers to one task are compared with each other.
    #[serde(default)]
    pub task_id: Option<String>,
    /// Family of the task: training and evaluation never share one.
    #[serde(default)]
    pub family: Option<String>,
    /// Language of the answer: `python`.
    #[serde(default)]
    #[schema(value_type = String, example = "python")]
    pub language: Language,
    /// Hidden tests: calls of a function, or a program with `check(candidate)`. Without them the answer is unverified.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({
        "kind": "calls", "entry": "solve", "cases": [{ "args": ["[1, 2, 4]"], "expected": "2" }]
    }))]
    pub tests: Option<TestSuite>,
    /// Samples in all, 1 to 64; the model's settings where absent.
    #[serde(default)]
    pub samples: Option<u32>,
    /// The GenesisModel as `namespace/name`; the only one where absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Requests of one session are answered by the same adapter while a canary runs.
    #[serde(default)]
    pub session: Option<String>,
}

fn yes() -> bool {
    true
}

/// Generate a program
///
/// Two pathways propose programs, the gate checks them, a sandbox executes them with the tests, and the best executed
/// one answers. Everything is recorded before this returns.
#[utoipa::path(
    post,
    path = "/api/v1/genesis/generate",
    tag = "genesis",
    request_body = GenerateBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat gets the first answer")),
    responses(
        (status = 200, description = "The best program found", body = Answer),
        (status = 400, description = "The body is not JSON", body = ErrorBody),
        (status = 409, description = "The key was used for another request", body = ErrorBody),
        (status = 413, description = "The prompt is too large", body = ErrorBody),
        (status = 422, description = "A field is wrong", body = ErrorBody),
        (status = 503, description = "No model, replica or sandbox is there now", body = ErrorBody),
    )
)]
pub async fn generate(
    State(app): State<App>,
    headers: HeaderMap,
    ApiJson(body): ApiJson<GenerateBody>,
) -> Result<Json<Answer>, ApiError> {
    let key = header(&headers, "idempotency-key").or(body.id);
    let session = body.session.or_else(|| header(&headers, "x-genesis-session"));
    let asked = Asked {
        prompt: body.prompt,
        use_patterns: body.use_patterns,
        task_id: body.task_id,
        family: body.family,
        language: body.language,
        tests: body.tests,
        samples: body.samples,
    };
    answer(&app, body.model.as_deref(), asked, key, session).await.map(Json)
}

/// Checks a request and runs the pipeline for it.
pub async fn answer(
    app: &App,
    model: Option<&str>,
    asked: Asked,
    key: Option<String>,
    session: Option<String>,
) -> Result<Answer, ApiError> {
    let request = Request::new(asked, key, session, || Uuid::new_v4().to_string())?;
    let route = app.resolve(model)?;
    Ok(app.pipeline.generate(route, request, now_ms()).await?)
}

/// Text of a header.
pub fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}
