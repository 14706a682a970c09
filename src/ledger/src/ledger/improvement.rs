//! What the improvement cycle leaves behind: datasets, adapters, evaluations, promotions, watermarks.
//!
//! Each is idempotent by name: a repeat returns or keeps the first and writes no event.

use genesis_core::adapter::AdapterRef;
use genesis_core::wire::DatasetSnapshot;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::{Ledger, outbox};
use crate::error::{LedgerError, Result};
use crate::rows;
use crate::types::Scope;
use crate::types::event::EventBody;
use crate::types::improvement::{NewAdapter, NewDataset, NewEvaluation, NewPromotion, TrainingWatermark};

impl Ledger {
    /// The dataset frozen under this name, if there is one.
    pub async fn dataset(&self, scope: &Scope, name: &str) -> Result<Option<DatasetSnapshot>> {
        let row = sqlx::query("SELECT snapshot FROM datasets WHERE tenant = ?1 AND model = ?2 AND name = ?3")
            .bind(&scope.tenant)
            .bind(&scope.model)
            .bind(name)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| rows::json(&row, "snapshot")).transpose()
    }

    /// Freezes a dataset under its name and returns the one that is frozen: of two that race, the first.
    ///
    /// The same name with another recipe, seed, bound or watermark is refused.
    pub async fn freeze_dataset(&self, dataset: NewDataset) -> Result<DatasetSnapshot> {
        self.writer().write(move |connection| Box::pin(async move { freeze(connection, &dataset).await })).await
    }

    /// Keeps an adapter's provenance; known by digest.
    pub async fn record_adapter(&self, new: NewAdapter) -> Result<()> {
        self.writer().write(move |connection| Box::pin(async move { adapter(connection, &new).await })).await
    }

    /// Keeps a verdict; known by the Evaluation's name.
    pub async fn record_evaluation(&self, new: NewEvaluation) -> Result<()> {
        self.writer().write(move |connection| Box::pin(async move { evaluation(connection, &new).await })).await
    }

    /// Keeps a change of champion; known by the Rollout's name and phase.
    pub async fn record_promotion(&self, new: NewPromotion) -> Result<()> {
        self.writer().write(move |connection| Box::pin(async move { promotion(connection, &new).await })).await
    }

    /// Up to where the model has been trained.
    pub async fn training_watermark(&self, scope: &Scope) -> Result<TrainingWatermark> {
        let row = sqlx::query("SELECT watermark, trained_at_ms FROM training WHERE tenant = ?1 AND model = ?2")
            .bind(&scope.tenant)
            .bind(&scope.model)
            .fetch_optional(self.readers())
            .await?;
        let Some(row) = row else { return Ok(TrainingWatermark::default()) };
        Ok(TrainingWatermark {
            watermark: rows::unsigned(&row, "watermark")?,
            trained_at_ms: Some(row.try_get("trained_at_ms")?),
        })
    }

    /// Moves the watermark forward; it never moves back.
    pub async fn advance_training_watermark(&self, scope: &Scope, watermark: u64, trained_at_ms: i64) -> Result<()> {
        let scope = scope.clone();
        self.writer()
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO training (tenant, model, watermark, trained_at_ms) VALUES (?1, ?2, ?3, ?4) \
                         ON CONFLICT DO UPDATE SET watermark = MAX(watermark, excluded.watermark), \
                         trained_at_ms = MAX(trained_at_ms, excluded.trained_at_ms)",
                    )
                    .bind(&scope.tenant)
                    .bind(&scope.model)
                    .bind(watermark.cast_signed())
                    .bind(trained_at_ms)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }
}

async fn freeze(connection: &mut SqliteConnection, new: &NewDataset) -> Result<DatasetSnapshot> {
    let (recipe, seed) = (new.recipe.to_string(), new.seed.to_string());
    let done = sqlx::query(
        "INSERT INTO datasets (tenant, model, name, recipe, seed, max_per_task, watermark, snapshot, at_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&new.scope.tenant)
    .bind(&new.scope.model)
    .bind(&new.name)
    .bind(&recipe)
    .bind(&seed)
    .bind(new.max_per_task)
    .bind(new.watermark.map(u64::cast_signed))
    .bind(rows::to_json(&new.snapshot)?)
    .bind(new.at_ms)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 1 {
        let event = EventBody::DatasetFrozen {
            model: new.scope.model.clone(),
            name: new.name.clone(),
            rows: new.snapshot.rows,
        };
        outbox::append(connection, &new.scope.tenant, new.at_ms, &[event]).await?;
        return Ok(new.snapshot.clone());
    }
    let row = sqlx::query(
        "SELECT recipe, seed, max_per_task, watermark, snapshot FROM datasets \
         WHERE tenant = ?1 AND model = ?2 AND name = ?3",
    )
    .bind(&new.scope.tenant)
    .bind(&new.scope.model)
    .bind(&new.name)
    .fetch_one(connection)
    .await?;
    let same = row.try_get::<String, _>("recipe")? == recipe
        && row.try_get::<String, _>("seed")? == seed
        && rows::small(&row, "max_per_task")? == new.max_per_task
        && row.try_get::<Option<i64>, _>("watermark")? == new.watermark.map(u64::cast_signed);
    if !same {
        let name = &new.name;
        return Err(LedgerError::Invalid(format!(
            "dataset {name:?} is frozen with another recipe, seed, bound or watermark: choose a new name"
        )));
    }
    rows::json(&row, "snapshot")
}

async fn adapter(connection: &mut SqliteConnection, new: &NewAdapter) -> Result<()> {
    let done = sqlx::query(
        "INSERT INTO adapters (tenant, model, digest, uri, training_run, dataset, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&new.scope.tenant)
    .bind(&new.scope.model)
    .bind(new.adapter.digest.as_str())
    .bind(&new.adapter.uri)
    .bind(&new.training_run)
    .bind(new.dataset.as_deref())
    .bind(new.at_ms)
    .execute(&mut *connection)
    .await?;
    let event = EventBody::AdapterRecorded { model: new.scope.model.clone(), adapter: new.adapter.clone() };
    announce(connection, done.rows_affected(), &new.scope, new.at_ms, event).await
}

async fn evaluation(connection: &mut SqliteConnection, new: &NewEvaluation) -> Result<()> {
    let done = sqlx::query(
        "INSERT INTO evaluations (tenant, model, name, candidate, champion, verdict, report, at_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&new.scope.tenant)
    .bind(&new.scope.model)
    .bind(&new.name)
    .bind(rows::to_json(&new.candidate)?)
    .bind(optional(new.champion.as_ref())?)
    .bind(&new.verdict)
    .bind(rows::to_json(&new.report)?)
    .bind(new.at_ms)
    .execute(&mut *connection)
    .await?;
    let (model, name, verdict) = (new.scope.model.clone(), new.name.clone(), new.verdict.clone());
    let event = EventBody::EvaluationRecorded { model, name, verdict };
    announce(connection, done.rows_affected(), &new.scope, new.at_ms, event).await
}

async fn promotion(connection: &mut SqliteConnection, new: &NewPromotion) -> Result<()> {
    let done = sqlx::query(
        "INSERT INTO promotions (tenant, model, name, phase, adapter, previous, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&new.scope.tenant)
    .bind(&new.scope.model)
    .bind(&new.name)
    .bind(&new.phase)
    .bind(optional(new.adapter.as_ref())?)
    .bind(optional(new.previous.as_ref())?)
    .bind(new.at_ms)
    .execute(&mut *connection)
    .await?;
    let (model, name, adapter) = (new.scope.model.clone(), new.name.clone(), new.adapter.clone());
    let event = EventBody::ChampionChanged { model, name, adapter };
    announce(connection, done.rows_affected(), &new.scope, new.at_ms, event).await
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
