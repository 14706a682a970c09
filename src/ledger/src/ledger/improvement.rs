//! What the improvement cycle leaves behind: datasets, adapters, evaluations, promotions.
//!
//! Each is idempotent by name: a repeat returns or keeps the first and writes no event.

use genesis_core::adapter::AdapterRef;
use genesis_core::wire::{
    AdapterRecord, ChampionChange, DatasetRequest, DatasetSnapshot, EvaluationRecord, PromotionRecord,
};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Ledger, outbox};
use crate::error::{LedgerError, Result};
use crate::rows;
use crate::types::Scope;
use crate::types::event::EventBody;

/// `?1` tenant, `?2` model, `?3` name, `?4` uid.
const DATASET: &str = "SELECT recipe, seed, max_per_task, watermark, snapshot FROM datasets \
     WHERE tenant = ?1 AND model = ?2 AND name = ?3 AND uid = ?4";

impl Ledger {
    /// The dataset frozen under this name and uid, if there is one.
    ///
    /// One that was frozen with another recipe, seed, bound or watermark is [`LedgerError::DatasetTaken`].
    pub async fn dataset(&self, scope: &Scope, request: &DatasetRequest) -> Result<Option<DatasetSnapshot>> {
        let row = sqlx::query(DATASET)
            .bind(&scope.tenant)
            .bind(&scope.model)
            .bind(&request.name)
            .bind(&request.uid)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| frozen(&row, request)).transpose()
    }

    /// Freezes a dataset under its name and uid and returns the one that is frozen: of two that race, the first.
    ///
    /// The artifact is in the store before this row names it. The same name and uid with other parameters are
    /// [`LedgerError::DatasetTaken`].
    pub async fn freeze_dataset(
        &self,
        scope: &Scope,
        request: DatasetRequest,
        snapshot: DatasetSnapshot,
        at_ms: i64,
    ) -> Result<DatasetSnapshot> {
        let scope = scope.clone();
        self.writer()
            .write(move |connection| {
                Box::pin(async move { freeze(connection, &scope, &request, snapshot, at_ms).await })
            })
            .await
    }

    /// Keeps where an adapter came from; known by digest.
    pub async fn record_adapter(&self, scope: &Scope, record: AdapterRecord, at_ms: i64) -> Result<()> {
        let scope = scope.clone();
        self.writer()
            .write(move |connection| Box::pin(async move { adapter(connection, &scope, &record, at_ms).await }))
            .await
    }

    /// Keeps a verdict; known by name and uid of the Evaluation.
    pub async fn record_evaluation(&self, scope: &Scope, record: EvaluationRecord, at_ms: i64) -> Result<()> {
        let scope = scope.clone();
        self.writer()
            .write(move |connection| Box::pin(async move { evaluation(connection, &scope, &record, at_ms).await }))
            .await
    }

    /// Keeps a change of champion; known by what changed it and how.
    ///
    /// An adapter that is champion again after its learnings were taken back teaches again: what it earned before stays
    /// reverted, what it answers from now on counts.
    pub async fn record_promotion(&self, scope: &Scope, record: PromotionRecord, at_ms: i64) -> Result<()> {
        let scope = scope.clone();
        self.writer()
            .write(move |connection| Box::pin(async move { promotion(connection, &scope, &record, at_ms).await }))
            .await
    }
}

async fn freeze(
    connection: &mut SqliteConnection,
    scope: &Scope,
    request: &DatasetRequest,
    snapshot: DatasetSnapshot,
    at_ms: i64,
) -> Result<DatasetSnapshot> {
    let done = sqlx::query(
        "INSERT INTO datasets (tenant, model, name, uid, recipe, seed, max_per_task, watermark, snapshot, at_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&scope.tenant)
    .bind(&scope.model)
    .bind(&request.name)
    .bind(&request.uid)
    .bind(request.recipe.to_string())
    .bind(request.seed.to_string())
    .bind(request.max_per_task)
    .bind(request.watermark.map(u64::cast_signed))
    .bind(rows::to_json(&snapshot)?)
    .bind(at_ms)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 1 {
        let (model, name) = (scope.model.clone(), request.name.clone());
        let event = EventBody::DatasetFrozen { model, name, rows: snapshot.rows };
        outbox::append(connection, &scope.tenant, at_ms, &[event]).await?;
        return Ok(snapshot);
    }
    let row = sqlx::query(DATASET)
        .bind(&scope.tenant)
        .bind(&scope.model)
        .bind(&request.name)
        .bind(&request.uid)
        .fetch_one(connection)
        .await?;
    frozen(&row, request)
}

/// The snapshot of a row of [`DATASET`], if it was frozen with the same parameters.
fn frozen(row: &SqliteRow, request: &DatasetRequest) -> Result<DatasetSnapshot> {
    let same = row.try_get::<String, _>("recipe")? == request.recipe.to_string()
        && row.try_get::<String, _>("seed")? == request.seed.to_string()
        && rows::small(row, "max_per_task")? == request.max_per_task
        && row.try_get::<Option<i64>, _>("watermark")? == request.watermark.map(u64::cast_signed);
    if same { rows::json(row, "snapshot") } else { Err(LedgerError::DatasetTaken { name: request.name.clone() }) }
}

async fn adapter(connection: &mut SqliteConnection, scope: &Scope, record: &AdapterRecord, at_ms: i64) -> Result<()> {
    let done = sqlx::query(
        "INSERT INTO adapters (tenant, model, digest, uri, training_run, dataset, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&scope.tenant)
    .bind(&scope.model)
    .bind(record.adapter.digest.as_str())
    .bind(&record.adapter.uri)
    .bind(&record.training_run)
    .bind(record.dataset.as_ref().map(genesis_core::Digest::as_str))
    .bind(at_ms)
    .execute(&mut *connection)
    .await?;
    let event = EventBody::AdapterRecorded { model: scope.model.clone(), adapter: record.adapter.clone() };
    announce(connection, done.rows_affected(), scope, at_ms, event).await
}

async fn evaluation(
    connection: &mut SqliteConnection,
    scope: &Scope,
    record: &EvaluationRecord,
    at_ms: i64,
) -> Result<()> {
    let verdict = record.verdict.to_string();
    let done = sqlx::query(
        "INSERT INTO evaluations (tenant, model, name, uid, candidate, champion, verdict, report, at_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&scope.tenant)
    .bind(&scope.model)
    .bind(&record.name)
    .bind(&record.uid)
    .bind(rows::to_json(&record.candidate)?)
    .bind(optional(record.champion.as_ref())?)
    .bind(&verdict)
    .bind(rows::to_json(&record.report)?)
    .bind(at_ms)
    .execute(&mut *connection)
    .await?;
    let (model, name) = (scope.model.clone(), record.name.clone());
    let event = EventBody::EvaluationRecorded { model, name, verdict };
    announce(connection, done.rows_affected(), scope, at_ms, event).await
}

async fn promotion(
    connection: &mut SqliteConnection,
    scope: &Scope,
    record: &PromotionRecord,
    at_ms: i64,
) -> Result<()> {
    let done = sqlx::query(
        "INSERT INTO promotions (tenant, model, name, uid, change, adapter, previous, at_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&scope.tenant)
    .bind(&scope.model)
    .bind(&record.name)
    .bind(&record.uid)
    .bind(record.change.to_string())
    .bind(optional(record.adapter.as_ref())?)
    .bind(optional(record.previous.as_ref())?)
    .bind(at_ms)
    .execute(&mut *connection)
    .await?;
    // Only the first telling lifts the mark: a repeat that comes late must not undo a revert that came after it.
    let raised = matches!(record.change, ChampionChange::Promoted | ChampionChange::Pinned);
    if let Some(adapter) = record.adapter.as_ref().filter(|_| raised && done.rows_affected() == 1) {
        sqlx::query("DELETE FROM reverted_adapters WHERE tenant = ?1 AND model = ?2 AND adapter = ?3")
            .bind(&scope.tenant)
            .bind(&scope.model)
            .bind(adapter.digest.as_str())
            .execute(&mut *connection)
            .await?;
    }
    let (model, name, adapter) = (scope.model.clone(), record.name.clone(), record.adapter.clone());
    let event = EventBody::ChampionChanged { model, name, adapter };
    announce(connection, done.rows_affected(), scope, at_ms, event).await
}

fn optional(adapter: Option<&AdapterRef>) -> Result<Option<String>> {
    adapter.map(rows::to_json).transpose()
}

/// Appends the event unless the row was already known.
async fn announce(
    connection: &mut SqliteConnection,
    written: u64,
    scope: &Scope,
    at_ms: i64,
    event: EventBody,
) -> Result<()> {
    if written == 0 {
        return Ok(());
    }
    outbox::append(connection, &scope.tenant, at_ms, &[event]).await
}
