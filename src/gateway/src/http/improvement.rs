//! `GET /api/v1/genesis/improvement/status`, `POST /api/v1/genesis/improvement/trigger`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, ErrorBody};
use super::json::ApiQuery;
use crate::app::{App, scope};
use crate::operator::OperatorError;
use crate::routing::ModelRoute;

/// Which model.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ModelQuery {
    /// The GenesisModel as `namespace/name`; the only one where absent.
    #[serde(default)]
    pub model: Option<String>,
}

/// How far a model has come and what it is doing about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImprovementStatus {
    /// The GenesisModel.
    #[schema(example = "default/seedling")]
    pub model: String,
    /// What the loop does now: `Idle`, `Training`, `Evaluating`, `RollingOut`, `Suspended`, …; `Unknown` before the
    /// operator has said anything.
    #[schema(example = "Training")]
    pub state: String,
    /// The same in a sentence.
    pub message: String,
    /// Learnings captured ever.
    pub learnings_count: u64,
    /// Learnings that the last training could not see.
    pub new_learnings: u64,
    /// Distinct verified answers that the next dataset could use.
    pub verified_rows: u64,
    /// Mean quality of the newest tested answers, in [0, 1].
    pub quality_average: f64,
    /// How many answers that mean is taken over.
    pub quality_samples: u64,
    /// Programs executed ever.
    pub executions: u64,
    /// When the last turn of the loop ended, RFC 3339.
    pub last_training: Option<String>,
    /// Objects at work: names of TrainingRun, Evaluation and Rollout.
    pub active: ActiveObjects,
    /// What answers.
    pub model_info: ModelInfo,
}

/// Names of the objects of the present turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActiveObjects {
    /// TrainingRun.
    pub training_run: Option<String>,
    /// Evaluation.
    pub evaluation: Option<String>,
    /// Rollout.
    pub rollout: Option<String>,
}

/// What answers requests for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// Served name of the base model.
    pub base: String,
    /// Served name of the champion: the base's, or an adapter's.
    pub champion: String,
    /// Digest of the champion's adapter.
    pub adapter_digest: Option<String>,
    /// Served name of the adapter on trial.
    pub canary: Option<String>,
    /// Its share of the sessions, percent.
    pub canary_weight: u8,
    /// Inference pods that are ready.
    pub ready_replicas: usize,
    /// Sandbox pods that are ready.
    pub ready_sandboxes: usize,
}

/// A cycle that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Triggered {
    /// Id of the training job: the name of the TrainingRun.
    #[schema(example = "seedling-r2")]
    pub job_id: String,
    /// The GenesisModel.
    pub model: String,
}

impl From<&ModelRoute> for ModelInfo {
    fn from(route: &ModelRoute) -> Self {
        let applied = route.applied();
        Self {
            base: route.base.clone(),
            champion: applied.stable,
            adapter_digest: route.stable.adapter.as_ref().map(|adapter| adapter.digest.to_string()),
            canary: applied.canary,
            canary_weight: applied.canary_weight,
            ready_replicas: route.serving.len(),
            ready_sandboxes: route.sandboxes.len(),
        }
    }
}

/// State of the improvement loop
#[utoipa::path(
    get,
    path = "/api/v1/genesis/improvement/status",
    tag = "genesis",
    params(ModelQuery),
    responses(
        (status = 200, description = "State, counts, and what answers", body = ImprovementStatus),
        (status = 404, description = "No such model", body = ErrorBody),
        (status = 503, description = "There is no model yet", body = ErrorBody),
    )
)]
pub async fn status(
    State(app): State<App>,
    ApiQuery(query): ApiQuery<ModelQuery>,
) -> Result<Json<ImprovementStatus>, ApiError> {
    let route = app.resolve(query.model.as_deref())?;
    Ok(Json(status_of(&app, &route).await?))
}

/// The status of one model.
pub async fn status_of(app: &App, route: &ModelRoute) -> Result<ImprovementStatus, ApiError> {
    let state = &route.loop_state;
    let learned =
        app.pipeline.ledger.learning_snapshot(&scope(&route.key), state.watermark, route.max_per_task).await?;
    let unknown = || "Unknown".to_owned();
    Ok(ImprovementStatus {
        model: route.key.to_string(),
        state: Some(state.reason.clone()).filter(|reason| !reason.is_empty()).unwrap_or_else(unknown),
        message: state.message.clone(),
        learnings_count: learned.total,
        new_learnings: learned.new,
        verified_rows: learned.verified_rows,
        quality_average: learned.quality_average,
        quality_samples: learned.quality_samples,
        executions: learned.executions,
        last_training: state.last_training.clone(),
        active: ActiveObjects {
            training_run: state.training_run.clone(),
            evaluation: state.evaluation.clone(),
            rollout: state.rollout.clone(),
        },
        model_info: ModelInfo::from(route),
    })
}

/// Start an improvement cycle now
///
/// The operator trains on what has been verified so far, evaluates, and rolls out only what is better.
#[utoipa::path(
    post,
    path = "/api/v1/genesis/improvement/trigger",
    tag = "genesis",
    params(ModelQuery),
    responses(
        (status = 202, description = "The cycle was started", body = Triggered),
        (status = 409, description = "The operator refused: the loop is busy or held", body = ErrorBody),
        (status = 502, description = "The operator does not take the request from this gateway", body = ErrorBody),
        (status = 503, description = "The operator cannot be reached", body = ErrorBody),
    )
)]
pub async fn trigger(
    State(app): State<App>,
    ApiQuery(query): ApiQuery<ModelQuery>,
) -> Result<(StatusCode, Json<Triggered>), ApiError> {
    let route = app.resolve(query.model.as_deref())?;
    let job_id = app.operator.improve(&route.key).await?;
    Ok((StatusCode::ACCEPTED, Json(Triggered { job_id, model: route.key.to_string() })))
}

impl From<OperatorError> for ApiError {
    fn from(error: OperatorError) -> Self {
        let message = error.to_string();
        let unavailable =
            |hint: &str| Self::new(StatusCode::SERVICE_UNAVAILABLE, "operator_unavailable", &message, hint);
        match error {
            OperatorError::Unknown => unavailable("start the gateway with the operator's address"),
            OperatorError::Unreachable(_) => unavailable("try again when the operator runs"),
            OperatorError::Refused { status: 409, .. } => Self::new(
                StatusCode::CONFLICT,
                "trigger_refused",
                message,
                "look at the state under /improvement/status",
            ),
            OperatorError::Refused { status: 500.., .. } => unavailable("look at the operator's log"),
            OperatorError::Refused { status, .. } => Self::new(
                StatusCode::BAD_GATEWAY,
                "operator_refused",
                format!("{message} ({status})"),
                match status {
                    401 | 403 => "give operator and gateway the same GENESIS_SERVICE_TOKEN",
                    404 => "check that the operator's address is right and that it watches this namespace",
                    _ => "run operator and gateway of one release",
                },
            ),
        }
    }
}
