//! The operator's endpoints. Every request shows the service token.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use genesis_api::genesis_model::TrainingTemplate;
use genesis_client::{FENCE_HEADER, same_token};
use genesis_core::Digest;
use genesis_core::wire::{
    AdapterRecord, AppliedRoute, ArmStatistics, DatasetRequest, DatasetSnapshot, EvaluationRecord, LearningSnapshot,
    PromotionRecord,
};
use genesis_ledger::types::learning::Reverted;
use genesis_ledger::{Ledger, LedgerError};
use serde::Deserialize;
use std::sync::Arc;

use super::error::ApiError;
use super::json::{ApiJson, ApiPath, ApiQuery};
use crate::app::{App, scope};
use crate::clock::now_ms;
use crate::improvement::dataset::{DatasetError, freeze};
use crate::routing::{ModelKey, ModelRoute};

/// The router of the internal server.
pub fn router(app: App) -> Router<App> {
    Router::new()
        .route("/internal/v1/models/{namespace}/{name}/learning", get(learning))
        .route("/internal/v1/models/{namespace}/{name}/datasets", post(datasets))
        .route("/internal/v1/models/{namespace}/{name}/arms", get(arms))
        .route("/internal/v1/models/{namespace}/{name}/revert", post(revert))
        .route("/internal/v1/models/{namespace}/{name}/adapters", post(adapters))
        .route("/internal/v1/models/{namespace}/{name}/evaluations", post(evaluations))
        .route("/internal/v1/models/{namespace}/{name}/promotions", post(promotions))
        .route("/internal/v1/routes", get(routes))
        .layer(from_fn_with_state(app, authenticate))
}

async fn authenticate(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if shown.is_some_and(|shown| same_token(shown, app.config.service_token.reveal())) {
        return Ok(next.run(request).await);
    }
    Err(ApiError::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the request does not show the service token",
        "send Authorization: Bearer <GENESIS_SERVICE_TOKEN>",
    ))
}

/// The ledger as the operator that asks may write it.
struct Leader(Ledger);

impl FromRequestParts<App> for Leader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let ledger = &app.pipeline.ledger;
        let Some(shown) = parts.headers.get(FENCE_HEADER) else { return Ok(Self(ledger.clone())) };
        let number = shown.to_str().ok().and_then(|text| text.parse().ok());
        let number = number.ok_or_else(|| {
            let message = format!("{FENCE_HEADER} is no number: {shown:?}");
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_fence", message, "send the leader's number, or none")
        })?;
        Ok(Self(ledger.fenced(number)))
    }
}

#[derive(Deserialize)]
struct ModelPath {
    namespace: String,
    name: String,
}

impl ModelPath {
    fn key(self) -> ModelKey {
        ModelKey::new(self.namespace, self.name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    #[serde(default)]
    since: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SinceTime {
    #[serde(default)]
    since_ms: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revert {
    adapter: Digest,
}

async fn learning(
    State(app): State<App>,
    ApiPath(model): ApiPath<ModelPath>,
    ApiQuery(query): ApiQuery<Since>,
) -> Result<Json<LearningSnapshot>, ApiError> {
    let key = model.key();
    // A model that the watch has not brought yet gets what one without a template has.
    let usual = || TrainingTemplate::default().max_per_task.unsigned_abs();
    let max_per_task = app.table().get(&key).map_or_else(usual, |route| route.max_per_task);
    Ok(Json(app.pipeline.ledger.learning_snapshot(&scope(&key), query.since, max_per_task).await?))
}

async fn datasets(
    State(app): State<App>,
    Leader(ledger): Leader,
    ApiPath(model): ApiPath<ModelPath>,
    ApiJson(request): ApiJson<DatasetRequest>,
) -> Result<Json<DatasetSnapshot>, ApiError> {
    let route = known(&app, &model.key())?;
    Ok(Json(freeze(&ledger, &route, request, now_ms()).await?))
}

async fn arms(
    State(app): State<App>,
    ApiPath(model): ApiPath<ModelPath>,
    ApiQuery(query): ApiQuery<SinceTime>,
) -> Result<Json<Vec<ArmStatistics>>, ApiError> {
    Ok(Json(app.pipeline.ledger.arm_statistics(&scope(&model.key()), query.since_ms).await?))
}

async fn revert(
    Leader(ledger): Leader,
    ApiPath(model): ApiPath<ModelPath>,
    ApiJson(request): ApiJson<Revert>,
) -> Result<Json<Reverted>, ApiError> {
    Ok(Json(ledger.revert_learnings(&scope(&model.key()), &request.adapter, now_ms()).await?))
}

async fn adapters(
    Leader(ledger): Leader,
    ApiPath(model): ApiPath<ModelPath>,
    ApiJson(record): ApiJson<AdapterRecord>,
) -> Result<StatusCode, ApiError> {
    ledger.record_adapter(&scope(&model.key()), record, now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn evaluations(
    Leader(ledger): Leader,
    ApiPath(model): ApiPath<ModelPath>,
    ApiJson(record): ApiJson<EvaluationRecord>,
) -> Result<StatusCode, ApiError> {
    ledger.record_evaluation(&scope(&model.key()), record, now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn promotions(
    Leader(ledger): Leader,
    ApiPath(model): ApiPath<ModelPath>,
    ApiJson(record): ApiJson<PromotionRecord>,
) -> Result<StatusCode, ApiError> {
    ledger.record_promotion(&scope(&model.key()), record, now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn routes(State(app): State<App>) -> Json<Vec<AppliedRoute>> {
    Json(app.table().routes().map(|route| route.applied()).collect())
}

fn known(app: &App, key: &ModelKey) -> Result<Arc<ModelRoute>, ApiError> {
    app.table().get(key).cloned().ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "unknown_model",
            format!("this gateway sees no GenesisModel {key}"),
            "wait until its watch has caught up, or check which namespace it watches",
        )
    })
}

impl From<DatasetError> for ApiError {
    fn from(error: DatasetError) -> Self {
        let message = error.to_string();
        match &error {
            DatasetError::Empty => Self::new(
                StatusCode::CONFLICT,
                "dataset_empty",
                message,
                "send tasks with tests until some answers pass",
            ),
            DatasetError::Ledger(LedgerError::DatasetTaken { .. }) => Self::new(
                StatusCode::CONFLICT,
                "dataset_name_taken",
                message,
                "choose another name for the TrainingRun",
            ),
            DatasetError::Ledger(LedgerError::Fenced { .. }) => {
                Self::new(StatusCode::CONFLICT, "lead_lost", message, "this operator must end: another one leads")
            }
            DatasetError::Store(_) => {
                tracing::error!(%error, "The artifact store refused a dataset.");
                Self::new(
                    StatusCode::BAD_GATEWAY,
                    "storage_unavailable",
                    message,
                    "check spec.storage of the GenesisModel",
                )
            }
            DatasetError::Ledger(_) | DatasetError::Encoding(_) | DatasetError::Stopped(_) => Self::internal(&error),
        }
    }
}
