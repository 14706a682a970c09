//! One error for all endpoints: what is wrong, and what to do about it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::generate::{GenerateError, InvalidRequest, MAX_PROMPT_BYTES};
use crate::inference::ModelError;
use crate::routing::NoModel;

/// An error as an endpoint gives it. The outermost layer adds the trace id and writes the body in the shape that
/// the path promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// For programs: snake_case, stable.
    pub code: &'static str,
    /// For people: what is wrong.
    pub message: String,
    /// For people: what to do.
    pub hint: String,
}

/// Body of an error under `/api` and everywhere else but `/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// For programs: snake_case, stable.
    #[schema(example = "unknown_model")]
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Names this request in the gateway's log.
    pub trace_id: String,
}

impl ApiError {
    /// An error with this status and code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: hint.into() }
    }

    /// Something that is not the consumer's doing. The cause goes to the log, not to the consumer.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "A request failed.");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the gateway could not do this",
            "look for the trace id in the gateway's log",
        )
    }

    /// The body under everything but `/v1`.
    pub fn body(&self, trace_id: &str) -> serde_json::Value {
        serde_json::json!({ "code": self.code, "message": self.message, "hint": self.hint, "trace_id": trace_id })
    }

    /// The body under `/v1`, as OpenAI's clients read it.
    pub fn openai_body(&self, trace_id: &str) -> serde_json::Value {
        let kind = if self.status.is_client_error() { "invalid_request_error" } else { "server_error" };
        let message = format!("{}: {}", self.message, self.hint);
        serde_json::json!({
            "error": { "message": message, "type": kind, "param": null, "code": self.code, "trace_id": trace_id }
        })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<InvalidRequest> for ApiError {
    fn from(error: InvalidRequest) -> Self {
        let message = error.to_string();
        match error {
            InvalidRequest::PromptTooLarge { .. } => prompt_too_large(message),
            InvalidRequest::EmptyPrompt => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "empty_prompt",
                message,
                "send the start of the program to be written",
            ),
            InvalidRequest::Samples(_) | InvalidRequest::Name { .. } | InvalidRequest::NoTests => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_request",
                message,
                "correct the field and send it again",
            ),
        }
    }
}

/// A prompt beyond all bounds, however that was noticed.
pub fn prompt_too_large(message: impl Into<String>) -> ApiError {
    let hint = format!("send at most {MAX_PROMPT_BYTES} bytes: the function to be written and what it needs");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "prompt_too_large", message, hint)
}

impl From<NoModel> for ApiError {
    fn from(error: NoModel) -> Self {
        let message = error.to_string();
        match error {
            NoModel::None => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_model",
                message,
                "apply a GenesisModel (manifests/samples/seedling.yaml) and try again",
            ),
            NoModel::Ambiguous(_) | NoModel::Shared { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "model_required",
                message,
                "name one as \"model\": \"namespace/name\"",
            ),
            NoModel::Unknown { .. } => Self::new(
                StatusCode::NOT_FOUND,
                "unknown_model",
                message,
                "name one of those as \"model\": \"namespace/name\"",
            ),
        }
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        let message = error.to_string();
        match error {
            ModelError::UnknownName { .. } | ModelError::Unavailable { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "inference_unavailable",
                message,
                "the model is starting or restarting; try again, /readyz says when",
            ),
            ModelError::Refused(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "inference_refused",
                message,
                "check spec.generation of the GenesisModel",
            ),
        }
    }
}

impl From<GenerateError> for ApiError {
    fn from(error: GenerateError) -> Self {
        let message = error.to_string();
        match error {
            GenerateError::Prompt(_) => prompt_too_large(message),
            GenerateError::Model(error) => error.into(),
            GenerateError::Infra => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "sandbox_unavailable",
                message,
                "nothing was counted against the model; try again, /readyz says when",
            ),
            GenerateError::Tests { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_tests",
                message,
                "write arguments and expected values as Python literals; nothing was counted against the model",
            ),
            GenerateError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                message,
                "nothing was begun; send it again after the seconds of Retry-After",
            ),
            GenerateError::KeyReused => {
                Self::new(StatusCode::CONFLICT, "key_reused", message, "use a new Idempotency-Key for another request")
            }
            GenerateError::Ledger(error) => Self::internal(&error),
            GenerateError::Stopped(error) => Self::internal(&error),
        }
    }
}

impl From<genesis_ledger::LedgerError> for ApiError {
    fn from(error: genesis_ledger::LedgerError) -> Self {
        if matches!(error, genesis_ledger::LedgerError::Fenced { .. }) {
            let hint = "this operator must end: another one leads";
            return Self::new(StatusCode::CONFLICT, "lead_lost", error.to_string(), hint);
        }
        Self::internal(&error)
    }
}
