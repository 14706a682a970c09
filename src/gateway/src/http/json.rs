//! Reading bodies and queries with errors that say what to correct.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use super::error::{ApiError, prompt_too_large};

/// A larger body is refused. A prompt of [`MAX_PROMPT_BYTES`](crate::generate::MAX_PROMPT_BYTES) with its tests fits well.
pub const MAX_BODY_BYTES: usize = 1_000_000;

/// What is read of a refused body so that the consumer, who is still sending, sees the answer and no broken connection.
const MAX_DRAINED_BYTES: usize = 16 << 20;

/// A JSON body.
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let bytes = read(request.into_body()).await?;
        parse(&bytes).map(Self)
    }
}

/// Parses a body; the error tells a text that is no JSON from a field that is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_field",
                format!("the body has a wrong or unknown field: {error}"),
                "correct the field; /docs shows the body with all its fields",
            )
        } else {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "malformed_json",
                format!("the body is not JSON: {error}"),
                "send one JSON object, with Content-Type: application/json",
            )
        }
    })
}

async fn read(body: Body) -> Result<Vec<u8>, ApiError> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let message = format!("the body ended early: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, "incomplete_body", message, "send it again")
        })?;
        total += chunk.len();
        if total > MAX_DRAINED_BYTES {
            break;
        }
        if total <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&chunk);
        }
    }
    if total > MAX_BODY_BYTES {
        return Err(prompt_too_large(format!("the body has more than {MAX_BODY_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The query of a URL.
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|rejection| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_query",
                rejection.body_text(),
                "correct the parameter; /docs lists those an endpoint takes",
            )
        })
    }
}

/// The named parts of a path.
pub struct ApiPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|rejection| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_path",
                rejection.body_text(),
                "names in a path are UTF-8, percent-encoded where they must be",
            )
        })
    }
}
