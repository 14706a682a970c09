//! What has been learned: `feedback/statistics`, `patterns/top`, `learnings/recent`.

use axum::Json;
use axum::extract::State;
use genesis_ledger::types::learning::LearningRecord;
use genesis_ledger::types::pattern::PatternRecord;
use genesis_ledger::types::statistics::{Bands, FeedbackStatistics};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, ErrorBody};
use super::improvement::ModelQuery;
use super::json::ApiQuery;
use crate::app::{App, scope};
use crate::clock::rfc3339;

/// Rows at most in one list.
const MOST_ROWS: u32 = 200;

/// Which model, and how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// The GenesisModel as `namespace/name`; the only one where absent.
    #[serde(default)]
    pub model: Option<String>,
    /// How many, 1 to 200; 10 where absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

impl ListQuery {
    fn rows(&self) -> u32 {
        self.limit.unwrap_or(10).clamp(1, MOST_ROWS)
    }
}

/// Success, quality and learning in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// The GenesisModel.
    pub model: String,
    /// Generations: turns of the loop.
    pub total_cycles: u64,
    /// Answers that passed every test.
    pub passed: u64,
    /// Answers that did not.
    pub failed: u64,
    /// Answers without tests.
    pub unverified: u64,
    /// Requests that got no answer for a reason of ours; counted against nobody.
    pub infra: u64,
    /// passed / (passed + failed); null before the first.
    pub success_rate: Option<f64>,
    /// Mean quality of all answers; null before the first.
    pub quality_average: Option<f64>,
    /// Mean quality of the newest tested answers.
    pub recent_quality_average: Option<f64>,
    /// Answers by band of quality.
    pub bands: QualityBands,
    /// Programs executed.
    pub executions: u64,
    /// Learnings captured.
    pub learnings_captured: u64,
    /// Learnings that were taken back with the adapter that made them.
    pub learnings_reverted: u64,
    /// Distinct verified answers.
    pub corpus_entries: u64,
    /// Patterns in use.
    pub patterns: u64,
    /// Mean of their confidence; null before the first.
    pub patterns_confidence_average: Option<f64>,
    /// Training runs that froze a dataset.
    pub training_runs: u64,
}

/// Answers by band of quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QualityBands {
    /// From 0.90: enters the corpus.
    pub excellent: u64,
    /// From 0.75: enters the corpus.
    pub good: u64,
    /// From 0.50: neutral.
    pub acceptable: u64,
    /// Below 0.50: a learning was captured.
    pub poor: u64,
}

/// A verified answer that is shown to the model for prompts like its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pattern {
    /// Its id.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Confidence in [0, 1]: raised by success with quality from 0.75, lowered by failure.
    pub confidence: f64,
    /// Lower 5 % bound of the success rate with it in context: this ranks.
    pub lower_bound: f64,
    /// Success with it shown less success with it withheld; null until both were seen.
    pub uplift: Option<f64>,
    /// Programs written with it in context.
    pub uses: u64,
    /// Of them passed.
    pub successes: u64,
    /// The program.
    pub code: String,
    /// The task that earned it.
    pub task_id: Option<String>,
    /// The execution that earned it.
    pub execution: Option<String>,
    /// Version of the program, from 1.
    pub version: u32,
    /// When this version was written, RFC 3339.
    pub at: String,
}

/// Something that went wrong and was captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Learning {
    /// Grows with every learning.
    pub sequence: u64,
    /// Kind of failure.
    #[schema(example = "exception")]
    pub kind: String,
    /// What exactly.
    #[schema(example = "IndexError")]
    pub detail: String,
    /// The task it was learned from.
    pub task_id: Option<String>,
    /// The generation it was learned from.
    pub generation: String,
    /// The execution that earned it.
    pub execution: Option<String>,
    /// The served name that answered.
    pub served_name: String,
    /// It was taken back with its adapter.
    pub reverted: bool,
    /// When, RFC 3339.
    pub at: String,
}

/// Success rate, quality and learning
#[utoipa::path(
    get,
    path = "/api/v1/genesis/feedback/statistics",
    tag = "genesis",
    params(ModelQuery),
    responses(
        (status = 200, description = "Counts since the beginning", body = Statistics),
        (status = 503, description = "There is no model yet", body = ErrorBody),
    )
)]
pub async fn statistics(
    State(app): State<App>,
    ApiQuery(query): ApiQuery<ModelQuery>,
) -> Result<Json<Statistics>, ApiError> {
    let key = app.resolve(query.model.as_deref())?.key.clone();
    let numbers = app.pipeline.ledger.feedback_statistics(&scope(&key)).await?;
    Ok(Json(Statistics::of(key.to_string(), &numbers)))
}

/// The most trusted patterns
#[utoipa::path(
    get,
    path = "/api/v1/genesis/patterns/top",
    tag = "genesis",
    params(ListQuery),
    responses(
        (status = 200, description = "Patterns by confidence", body = [Pattern]),
        (status = 503, description = "There is no model yet", body = ErrorBody),
    )
)]
pub async fn top_patterns(
    State(app): State<App>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Vec<Pattern>>, ApiError> {
    let route = app.resolve(query.model.as_deref())?;
    let patterns = app.pipeline.ledger.top_patterns(&scope(&route.key), query.rows()).await?;
    Ok(Json(patterns.into_iter().map(Pattern::from).collect()))
}

/// The newest learnings
#[utoipa::path(
    get,
    path = "/api/v1/genesis/learnings/recent",
    tag = "genesis",
    params(ListQuery),
    responses(
        (status = 200, description = "Learnings, the newest first", body = [Learning]),
        (status = 503, description = "There is no model yet", body = ErrorBody),
    )
)]
pub async fn recent_learnings(
    State(app): State<App>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Vec<Learning>>, ApiError> {
    let key = app.resolve(query.model.as_deref())?.key.clone();
    let model = key.to_string();
    let learnings = app.pipeline.ledger.recent_learnings(&key.namespace, Some(&model), query.rows()).await?;
    Ok(Json(learnings.into_iter().map(Learning::from).collect()))
}

impl Statistics {
    fn of(model: String, numbers: &FeedbackStatistics) -> Self {
        let Bands { excellent, good, acceptable, poor } = numbers.bands;
        Self {
            model,
            total_cycles: numbers.generations,
            passed: numbers.passed,
            failed: numbers.failed,
            unverified: numbers.unverified,
            infra: numbers.infra,
            success_rate: numbers.success_rate,
            quality_average: numbers.quality_average,
            recent_quality_average: numbers.recent_quality_average,
            bands: QualityBands { excellent, good, acceptable, poor },
            executions: numbers.executions,
            learnings_captured: numbers.learnings,
            learnings_reverted: numbers.learnings_reverted,
            corpus_entries: numbers.corpus_entries,
            patterns: numbers.patterns,
            patterns_confidence_average: numbers.patterns_confidence_average,
            training_runs: numbers.datasets,
        }
    }
}

impl From<PatternRecord> for Pattern {
    fn from(record: PatternRecord) -> Self {
        Self {
            confidence: record.standing.confidence,
            lower_bound: record.standing.lower_bound(),
            uplift: record.standing.uplift(),
            id: record.id,
            title: record.title,
            uses: record.uses,
            successes: record.successes,
            code: record.body,
            task_id: record.task.map(|task| task.id),
            execution: record.execution,
            version: record.version,
            at: rfc3339(record.at_ms),
        }
    }
}

impl From<LearningRecord> for Learning {
    fn from(record: LearningRecord) -> Self {
        Self {
            sequence: record.sequence,
            kind: record.lesson.kind.to_string(),
            detail: record.lesson.detail,
            task_id: record.task.map(|task| task.id),
            generation: record.generation,
            execution: record.execution,
            served_name: record.served_name,
            reverted: record.reverted,
            at: rfc3339(record.at_ms),
        }
    }
}
