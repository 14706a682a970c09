//! What the operator, the gateway and a person ask.

use genesis_core::dataset::Answered;
use genesis_core::wire::{ArmStatistics, DatasetRow, LearningSnapshot, Recipe};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Ledger;
use crate::error::Result;
use crate::rows::{self, select_learnings, select_patterns};
use crate::types::Scope;
use crate::types::learning::LearningRecord;
use crate::types::pattern::{PatternRecord, RelationRecord};
use crate::types::statistics::{Bands, DatasetInputs, FeedbackStatistics};

/// Mean and count of the newest tested answers that were not reverted; `?1` tenant, `?2` model, `?3` how many.
///
/// An answer without tests scores at most 0.60 by construction. It would look like a fall in quality and
/// fire the performance trigger, so it is left out.
pub(super) const RECENT_QUALITY: &str = "SELECT AVG(quality) AS average, COUNT(quality) AS samples FROM (SELECT quality FROM \
     generations WHERE tenant = ?1 AND model = ?2 AND outcome IN ('pass', 'fail') AND reverted = 0 \
     ORDER BY sequence DESC LIMIT ?3)";

/// What is asked at every poll; `?1` tenant, `?2` model, `?3` the watermark, `?4` answers a dataset takes of one task.
pub(super) const SNAPSHOT: &str = "SELECT \
     (SELECT COALESCE(SUM(learnings), 0) FROM learned_totals WHERE tenant = ?1 AND model = ?2) AS total, \
     (SELECT COUNT(*) FROM learnings WHERE tenant = ?1 AND model = ?2 AND sequence > ?3 AND reverted = 0) AS new, \
     (SELECT COALESCE(MAX(sequence), 0) FROM learnings WHERE tenant = ?1 AND model = ?2) AS watermark, \
     (SELECT COALESCE(SUM(MIN(answers, ?4)), 0) FROM (SELECT COUNT(*) AS answers FROM corpus \
     WHERE tenant = ?1 AND model = ?2 AND reverted = 0 GROUP BY task)) AS verified_rows, \
     (SELECT COALESCE(SUM(executions), 0) FROM served_totals WHERE tenant = ?1 AND model = ?2) AS executions";

/// Sums over all answers; `?1` tenant, `?2` model.
pub(super) const ANSWERS: &str = "SELECT COALESCE(SUM(generations), 0) AS generations, COALESCE(SUM(passed), 0) AS passed, \
     COALESCE(SUM(failed), 0) AS failed, COALESCE(SUM(unverified), 0) AS unverified, \
     COALESCE(SUM(infra), 0) AS infra, SUM(quality_sum) / NULLIF(SUM(generations - infra), 0) AS average, \
     COALESCE(SUM(excellent), 0) AS excellent, COALESCE(SUM(good), 0) AS good, \
     COALESCE(SUM(acceptable), 0) AS acceptable, COALESCE(SUM(poor), 0) AS poor, \
     COALESCE(SUM(executions), 0) AS executions FROM served_totals WHERE tenant = ?1 AND model = ?2";

impl Ledger {
    /// How much a model has learned: in all, and after the watermark `since`. Reverted learnings do not count,
    /// but the watermark never moves back. `verified_rows` counts at most `max_per_task` answers of one task: as many
    /// as a dataset takes.
    pub async fn learning_snapshot(&self, scope: &Scope, since: u64, max_per_task: u32) -> Result<LearningSnapshot> {
        let mut reading = self.readers().begin().await?;
        let row = sqlx::query(SNAPSHOT)
            .bind(&scope.tenant)
            .bind(&scope.model)
            .bind(since.cast_signed())
            .bind(max_per_task)
            .fetch_one(&mut *reading)
            .await?;
        let quality = sqlx::query(RECENT_QUALITY)
            .bind(&scope.tenant)
            .bind(&scope.model)
            .bind(self.shared.options.quality_window)
            .fetch_one(&mut *reading)
            .await?;
        reading.rollback().await?;
        Ok(LearningSnapshot {
            total: rows::unsigned(&row, "total")?,
            new: rows::unsigned(&row, "new")?,
            watermark: rows::unsigned(&row, "watermark")?,
            verified_rows: rows::unsigned(&row, "verified_rows")?,
            quality_average: quality.try_get::<Option<f64>, _>("average")?.unwrap_or(0.0),
            quality_samples: rows::unsigned(&quality, "samples")?,
            executions: rows::unsigned(&row, "executions")?,
        })
    }

    /// Live statistics of every served name since a time, in the order of names.
    pub async fn arm_statistics(&self, scope: &Scope, since_ms: i64) -> Result<Vec<ArmStatistics>> {
        let arms = sqlx::query(
            "SELECT served_name, SUM(outcome <> 'infra') AS requests, SUM(outcome = 'infra') AS infra, \
             SUM(outcome <> 'infra' AND first_sample IN ('pass', 'fail')) AS verified, \
             SUM(outcome <> 'infra' AND first_sample = 'pass') AS passed, \
             TOTAL(quality) AS quality_sum, TOTAL(quality * quality) AS quality_square_sum \
             FROM generations WHERE tenant = ?1 AND model = ?2 AND at_ms >= ?3 GROUP BY served_name ORDER BY served_name",
        )
        .bind(&scope.tenant)
        .bind(&scope.model)
        .bind(since_ms)
        .fetch_all(self.readers())
        .await?;
        arms.iter().map(arm).collect()
    }

    /// Mean quality of all scored answers under a served name; `None` before the first.
    pub async fn served_quality(&self, scope: &Scope, served_name: &str) -> Result<Option<f64>> {
        let average: Option<Option<f64>> = sqlx::query_scalar(
            "SELECT quality_sum / NULLIF(generations - infra, 0) FROM served_totals \
             WHERE tenant = ?1 AND model = ?2 AND served_name = ?3",
        )
        .bind(&scope.tenant)
        .bind(&scope.model)
        .bind(served_name)
        .fetch_optional(self.readers())
        .await?;
        Ok(average.flatten())
    }

    /// Everything a dataset of this recipe is selected from, at one moment.
    ///
    /// `Verified` and `Shuffled` read the corpus; `Unfiltered` reads every executed candidate with a task.
    pub async fn dataset_inputs(&self, scope: &Scope, recipe: Recipe, up_to: Option<u64>) -> Result<DatasetInputs> {
        let sql = match recipe {
            Recipe::Verified | Recipe::Shuffled => {
                "SELECT g.prompt, c.completion, g.task, g.family, c.execution_id, 1 AS verified FROM corpus o \
                 JOIN candidates c ON c.generation = o.generation AND c.position = o.position \
                 JOIN generations g ON g.sequence = o.generation \
                 WHERE o.tenant = ?1 AND o.model = ?2 AND o.reverted = 0 AND o.generation <= ?3 \
                 ORDER BY o.generation, o.position"
            }
            Recipe::Unfiltered => {
                "SELECT g.prompt, c.completion, g.task, g.family, c.execution_id, o.sequence IS NOT NULL AS verified \
                 FROM generations g JOIN candidates c ON c.generation = g.sequence \
                 LEFT JOIN corpus o ON o.generation = c.generation AND o.position = c.position AND o.reverted = 0 \
                 WHERE g.tenant = ?1 AND g.model = ?2 AND g.reverted = 0 AND g.task IS NOT NULL \
                 AND c.execution_id IS NOT NULL AND c.outcome <> 'infra' AND g.sequence <= ?3 \
                 ORDER BY c.generation, c.position"
            }
        };
        let mut reading = self.readers().begin().await?;
        // What a generation taught is committed with it: up to a learning is up to the generation that taught it.
        let (watermark, last): (i64, i64) = sqlx::query_as(
            "SELECT COALESCE(MAX(sequence), 0), COALESCE(MAX(generation), 0) FROM learnings \
             WHERE tenant = ?1 AND model = ?2 AND sequence <= ?3",
        )
        .bind(&scope.tenant)
        .bind(&scope.model)
        .bind(up_to.map_or(i64::MAX, u64::cast_signed))
        .fetch_one(&mut *reading)
        .await?;
        let answers = sqlx::query(sql)
            .bind(&scope.tenant)
            .bind(&scope.model)
            .bind(if up_to.is_none() { i64::MAX } else { last })
            .fetch_all(&mut *reading)
            .await?;
        reading.rollback().await?;
        let answers = answers.iter().map(answered).collect::<Result<_>>()?;
        Ok(DatasetInputs { answers, watermark: watermark.cast_unsigned() })
    }

    /// Numbers over everything a model recorded.
    pub async fn feedback_statistics(&self, scope: &Scope) -> Result<FeedbackStatistics> {
        let mut reading = self.readers().begin().await?;
        let row = sqlx::query(ANSWERS).bind(&scope.tenant).bind(&scope.model).fetch_one(&mut *reading).await?;
        let counts = sqlx::query(
            "SELECT COALESCE(SUM(learnings), 0) AS learnings, COALESCE(SUM(reverted), 0) AS learnings_reverted, \
             COALESCE(SUM(corpus), 0) AS corpus, \
             (SELECT COUNT(*) FROM patterns WHERE tenant = ?1 AND model = ?2 AND retired = 0) AS patterns, \
             (SELECT AVG(confidence) FROM patterns WHERE tenant = ?1 AND model = ?2 AND retired = 0) AS confidence, \
             (SELECT COUNT(*) FROM datasets WHERE tenant = ?1 AND model = ?2) AS datasets, \
             (SELECT COUNT(*) FROM adapters WHERE tenant = ?1 AND model = ?2) AS adapters \
             FROM learned_totals WHERE tenant = ?1 AND model = ?2",
        )
        .bind(&scope.tenant)
        .bind(&scope.model)
        .fetch_one(&mut *reading)
        .await?;
        let recent = sqlx::query(RECENT_QUALITY)
            .bind(&scope.tenant)
            .bind(&scope.model)
            .bind(self.shared.options.quality_window)
            .fetch_one(&mut *reading)
            .await?;
        reading.rollback().await?;
        feedback(&row, &counts, &recent)
    }

    /// Patterns in use that a model earned, the most trusted first.
    pub async fn top_patterns(&self, scope: &Scope, limit: u32) -> Result<Vec<PatternRecord>> {
        let patterns = sqlx::query(select_patterns!(
            "WHERE p.tenant = ?1 AND p.model = ?2 AND p.retired = 0 \
             ORDER BY p.confidence DESC, p.successes DESC, p.id LIMIT ?3"
        ))
        .bind(&scope.tenant)
        .bind(&scope.model)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        patterns.iter().map(rows::pattern).collect()
    }

    /// One pattern, retired or not.
    pub async fn pattern(&self, tenant: &str, id: &str) -> Result<Option<PatternRecord>> {
        let row = sqlx::query(select_patterns!("WHERE p.tenant = ?1 AND p.id = ?2"))
            .bind(tenant)
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(rows::pattern).transpose()
    }

    /// Relations that start or end at a pattern, the most observed first.
    pub async fn relations_of(&self, tenant: &str, pattern: &str) -> Result<Vec<RelationRecord>> {
        let relations = sqlx::query(
            "SELECT source, target, kind, observations FROM relations WHERE tenant = ?1 AND (source = ?2 OR target = ?2) \
             AND observations > 0 ORDER BY observations DESC, source, target, kind",
        )
        .bind(tenant)
        .bind(pattern)
        .fetch_all(self.readers())
        .await?;
        relations.iter().map(relation).collect()
    }

    /// The newest learnings of a tenant, or of one of its models, the newest first; reverted ones are marked.
    pub async fn recent_learnings(&self, tenant: &str, model: Option<&str>, limit: u32) -> Result<Vec<LearningRecord>> {
        let learnings = sqlx::query(select_learnings!(
            "WHERE l.tenant = ?1 AND (?2 IS NULL OR l.model = ?2) ORDER BY l.sequence DESC LIMIT ?3"
        ))
        .bind(tenant)
        .bind(model)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        learnings.iter().map(rows::learning).collect()
    }
}

fn arm(row: &SqliteRow) -> Result<ArmStatistics> {
    Ok(ArmStatistics {
        served_name: row.try_get("served_name")?,
        requests: rows::unsigned(row, "requests")?,
        verified: rows::unsigned(row, "verified")?,
        passed: rows::unsigned(row, "passed")?,
        quality_sum: row.try_get("quality_sum")?,
        quality_square_sum: row.try_get("quality_square_sum")?,
        infra: rows::unsigned(row, "infra")?,
    })
}

fn answered(row: &SqliteRow) -> Result<Answered> {
    let row_of_dataset = DatasetRow {
        prompt: row.try_get("prompt")?,
        answer: row.try_get("completion")?,
        task: row.try_get("task")?,
        family: row.try_get("family")?,
        execution: row.try_get("execution_id")?,
    };
    Ok(Answered { row: row_of_dataset, verified: row.try_get("verified")? })
}

pub(super) fn relation(row: &SqliteRow) -> Result<RelationRecord> {
    Ok(RelationRecord {
        from: row.try_get("source")?,
        to: row.try_get("target")?,
        kind: rows::parsed(row, "kind")?,
        observations: rows::unsigned(row, "observations")?,
    })
}

fn feedback(row: &SqliteRow, counts: &SqliteRow, recent: &SqliteRow) -> Result<FeedbackStatistics> {
    let (passed, failed) = (rows::unsigned(row, "passed")?, rows::unsigned(row, "failed")?);
    let tested = passed + failed;
    Ok(FeedbackStatistics {
        generations: rows::unsigned(row, "generations")?,
        passed,
        failed,
        unverified: rows::unsigned(row, "unverified")?,
        infra: rows::unsigned(row, "infra")?,
        success_rate: (tested > 0).then(|| passed as f64 / tested as f64),
        quality_average: row.try_get("average")?,
        recent_quality_average: recent.try_get("average")?,
        bands: Bands {
            excellent: rows::unsigned(row, "excellent")?,
            good: rows::unsigned(row, "good")?,
            acceptable: rows::unsigned(row, "acceptable")?,
            poor: rows::unsigned(row, "poor")?,
        },
        executions: rows::unsigned(row, "executions")?,
        learnings: rows::unsigned(counts, "learnings")?,
        learnings_reverted: rows::unsigned(counts, "learnings_reverted")?,
        corpus_entries: rows::unsigned(counts, "corpus")?,
        patterns: rows::unsigned(counts, "patterns")?,
        patterns_confidence_average: counts.try_get("confidence")?,
        datasets: rows::unsigned(counts, "datasets")?,
        adapters: rows::unsigned(counts, "adapters")?,
    })
}
