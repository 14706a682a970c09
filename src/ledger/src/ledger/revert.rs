//! Taking back what an adapter taught: its learnings, corpus entries, pattern versions and observations.
//!
//! Nothing is deleted. Rows are marked, and whatever was derived from them is derived again from the rest.

use std::collections::BTreeSet;

use genesis_core::confidence::{Exposure, PatternStanding};
use genesis_core::digest::Digest;
use genesis_core::execution::Outcome;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::record::patterns::{add, load, store};
use super::{Ledger, outbox};
use crate::error::Result;
use crate::rows;
use crate::types::Scope;
use crate::types::event::EventBody;
use crate::types::learning::Reverted;
use crate::types::pattern::RelationRecord;

/// The generations of the adapter; `?1` tenant, `?2` model, `?3` adapter.
macro_rules! of_adapter {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            " generation IN (SELECT sequence FROM generations WHERE tenant = ?1 AND model = ?2 AND adapter = ?3)",
            $tail
        )
    };
}

impl Ledger {
    /// Marks everything the adapter earned as reverted, and derives pattern standings, relations and the
    /// corpus again from the rest. What it still records afterwards is marked as it comes in, until it is champion
    /// again ([`record_promotion`](Self::record_promotion)).
    ///
    /// Idempotent: asking again returns the same totals and writes no event.
    pub async fn revert_learnings(&self, scope: &Scope, adapter: &Digest, at_ms: i64) -> Result<Reverted> {
        let (scope, adapter) = (scope.clone(), adapter.clone());
        self.writer()
            .write(move |connection| Box::pin(async move { apply(connection, &scope, &adapter, at_ms).await }))
            .await
    }
}

async fn apply(connection: &mut SqliteConnection, scope: &Scope, adapter: &Digest, at_ms: i64) -> Result<Reverted> {
    let revert = Revert { scope, adapter };
    let first = revert
        .execute(
            connection,
            "INSERT INTO reverted_adapters (tenant, model, adapter, at_ms) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            Some(at_ms),
        )
        .await?;
    if first == 0 {
        return revert.totals(connection).await;
    }
    let mark_generations = "UPDATE generations SET reverted = 1 WHERE tenant = ?1 AND model = ?2 AND adapter = ?3";
    revert.execute(connection, mark_generations, None).await?;
    revert.execute(connection, of_adapter!("UPDATE learnings SET reverted = 1 WHERE", ""), None).await?;
    revert.corpus(connection).await?;
    let mut events = revert.patterns(connection).await?;
    events.extend(revert.relations(connection).await?);
    let reverted = revert.totals(connection).await?;
    events.push(EventBody::LearningsReverted { model: scope.model.clone(), adapter: adapter.clone(), reverted });
    outbox::append(connection, &scope.tenant, at_ms, &events).await?;
    Ok(reverted)
}

struct Revert<'a> {
    scope: &'a Scope,
    adapter: &'a Digest,
}

impl Revert<'_> {
    /// Runs a statement with tenant, model and adapter bound; returns the rows it changed.
    async fn execute(&self, connection: &mut SqliteConnection, sql: &'static str, at_ms: Option<i64>) -> Result<u64> {
        let mut query = sqlx::query(sql).bind(&self.scope.tenant).bind(&self.scope.model).bind(self.adapter.as_str());
        if let Some(at_ms) = at_ms {
            query = query.bind(at_ms);
        }
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn texts(&self, connection: &mut SqliteConnection, sql: &'static str) -> Result<Vec<String>> {
        let query =
            sqlx::query_scalar(sql).bind(&self.scope.tenant).bind(&self.scope.model).bind(self.adapter.as_str());
        Ok(query.fetch_all(connection).await?)
    }

    /// Marks its entries; an answer that another model also gave stays in the corpus under that model's name.
    async fn corpus(&self, connection: &mut SqliteConnection) -> Result<()> {
        self.execute(connection, of_adapter!("UPDATE corpus SET reverted = 1 WHERE", ""), None).await?;
        self.execute(
            connection,
            "INSERT INTO corpus (tenant, model, task, normalised, generation, position) \
             SELECT g.tenant, g.model, g.task, c.normalised, c.generation, c.position FROM corpus lost \
             JOIN generations earner ON earner.sequence = lost.generation AND earner.adapter = ?3 \
             JOIN candidates c ON c.tenant = lost.tenant AND c.normalised = lost.normalised AND c.enters_corpus = 1 \
             JOIN generations g ON g.sequence = c.generation AND g.model = lost.model AND g.task = lost.task \
             WHERE lost.tenant = ?1 AND lost.model = ?2 AND lost.reverted = 1 AND g.reverted = 0 \
             ORDER BY c.generation, c.position ON CONFLICT DO NOTHING",
            None,
        )
        .await?;
        Ok(())
    }

    /// Marks what it earned and observed, and folds the standing of every pattern it touched again.
    async fn patterns(&self, connection: &mut SqliteConnection) -> Result<Vec<EventBody>> {
        let mut touched = BTreeSet::new();
        touched
            .extend(self.texts(connection, of_adapter!("SELECT DISTINCT pattern FROM pattern_uses WHERE", "")).await?);
        touched.extend(
            self.texts(connection, of_adapter!("SELECT DISTINCT pattern FROM pattern_earnings WHERE", "")).await?,
        );
        self.execute(connection, of_adapter!("UPDATE pattern_uses SET reverted = 1 WHERE", ""), None).await?;
        self.execute(connection, of_adapter!("UPDATE pattern_earnings SET reverted = 1 WHERE", ""), None).await?;
        for pattern in &touched {
            refold(connection, &self.scope.tenant, pattern).await?;
        }
        let touched = touched.iter().map(String::as_str).collect();
        let changed = load(connection, &self.scope.tenant, &touched).await?;
        Ok(changed.into_values().map(|pattern| EventBody::PatternChanged { pattern: Box::new(pattern) }).collect())
    }

    async fn relations(&self, connection: &mut SqliteConnection) -> Result<Vec<EventBody>> {
        let lost = sqlx::query(of_adapter!(
            "SELECT source, target, kind, COUNT(*) AS lost FROM relation_observations WHERE reverted = 0 AND",
            " GROUP BY source, target, kind ORDER BY source, target, kind"
        ))
        .bind(&self.scope.tenant)
        .bind(&self.scope.model)
        .bind(self.adapter.as_str())
        .fetch_all(&mut *connection)
        .await?;
        self.execute(connection, of_adapter!("UPDATE relation_observations SET reverted = 1 WHERE", ""), None).await?;
        let mut events = Vec::with_capacity(lost.len());
        for row in lost {
            let (from, to): (String, String) = (row.try_get("source")?, row.try_get("target")?);
            let left = sqlx::query(
                "UPDATE relations SET observations = observations - ?5 \
                 WHERE tenant = ?1 AND source = ?2 AND target = ?3 AND kind = ?4 RETURNING observations",
            )
            .bind(&self.scope.tenant)
            .bind(&from)
            .bind(&to)
            .bind(row.try_get::<String, _>("kind")?)
            .bind(row.try_get::<i64, _>("lost")?)
            .fetch_one(&mut *connection)
            .await?;
            let (kind, observations) = (rows::parsed(&row, "kind")?, rows::unsigned(&left, "observations")?);
            events.push(EventBody::RelationChanged { relation: RelationRecord { from, to, kind, observations } });
        }
        Ok(events)
    }

    async fn totals(&self, connection: &mut SqliteConnection) -> Result<Reverted> {
        let row = sqlx::query(concat!(
            "WITH of_adapter AS (SELECT sequence FROM generations WHERE tenant = ?1 AND model = ?2 AND adapter = ?3) ",
            "SELECT (SELECT COUNT(*) FROM of_adapter) AS generations, ",
            "(SELECT COUNT(*) FROM learnings WHERE generation IN of_adapter) AS learnings, ",
            "(SELECT COUNT(*) FROM corpus WHERE generation IN of_adapter) AS corpus, ",
            "(SELECT COUNT(*) FROM pattern_uses WHERE generation IN of_adapter) AS pattern_uses, ",
            "(SELECT COUNT(*) FROM pattern_earnings WHERE generation IN of_adapter) AS pattern_versions"
        ))
        .bind(&self.scope.tenant)
        .bind(&self.scope.model)
        .bind(self.adapter.as_str())
        .fetch_one(connection)
        .await?;
        Ok(Reverted {
            generations: rows::unsigned(&row, "generations")?,
            learnings: rows::unsigned(&row, "learnings")?,
            corpus: rows::unsigned(&row, "corpus")?,
            pattern_uses: rows::unsigned(&row, "pattern_uses")?,
            pattern_versions: rows::unsigned(&row, "pattern_versions")?,
        })
    }
}

/// Lets each version stand by the first of its earners that is left, and fall without one.
async fn reassign(connection: &mut SqliteConnection, tenant: &str, pattern: &str) -> Result<()> {
    sqlx::query(
        "UPDATE pattern_versions AS v SET (reverted, generation, position) = \
         (SELECT 0, e.generation, e.position FROM pattern_earnings e WHERE e.tenant = v.tenant AND e.pattern = v.pattern \
         AND e.version = v.version AND e.reverted = 0 ORDER BY e.sequence LIMIT 1) \
         WHERE v.tenant = ?1 AND v.pattern = ?2 AND EXISTS (SELECT 1 FROM pattern_earnings e \
         WHERE e.tenant = v.tenant AND e.pattern = v.pattern AND e.version = v.version AND e.reverted = 0)",
    )
    .bind(tenant)
    .bind(pattern)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE pattern_versions AS v SET reverted = 1 WHERE v.tenant = ?1 AND v.pattern = ?2 AND NOT EXISTS \
         (SELECT 1 FROM pattern_earnings e WHERE e.tenant = v.tenant AND e.pattern = v.pattern \
         AND e.version = v.version AND e.reverted = 0)",
    )
    .bind(tenant)
    .bind(pattern)
    .execute(connection)
    .await?;
    Ok(())
}

/// A pattern's numbers from the observations and versions that are left; without a version it is retired.
async fn refold(connection: &mut SqliteConnection, tenant: &str, pattern: &str) -> Result<()> {
    reassign(connection, tenant, pattern).await?;
    let uses = sqlx::query(
        "SELECT exposure, outcome, quality, in_context FROM pattern_uses \
         WHERE tenant = ?1 AND pattern = ?2 AND reverted = 0 ORDER BY sequence",
    )
    .bind(tenant)
    .bind(pattern)
    .fetch_all(&mut *connection)
    .await?;
    let ids = BTreeSet::from([pattern]);
    let Some(mut record) = load(connection, tenant, &ids).await?.remove(pattern) else { return Ok(()) };
    (record.standing, record.uses, record.successes) = (PatternStanding::default(), 0, 0);
    for used in &uses {
        let exposure: Exposure = rows::parsed(used, "exposure")?;
        let outcome: Outcome = rows::parsed(used, "outcome")?;
        add(&mut record, exposure, outcome, used.try_get("quality")?, rows::small(used, "in_context")?);
    }
    sqlx::query("DELETE FROM pattern_tasks WHERE tenant = ?1 AND pattern = ?2")
        .bind(tenant)
        .bind(pattern)
        .execute(&mut *connection)
        .await?;
    let tasks = sqlx::query(
        "INSERT INTO pattern_tasks (tenant, pattern, task) \
         SELECT ?1, ?2, g.task FROM pattern_uses u JOIN generations g ON g.sequence = u.generation \
         WHERE u.tenant = ?1 AND u.pattern = ?2 AND u.reverted = 0 AND u.exposure = 'shown' AND u.outcome = 'pass' \
         AND g.task IS NOT NULL UNION \
         SELECT ?1, ?2, g.task FROM pattern_earnings e JOIN generations g ON g.sequence = e.generation \
         WHERE e.tenant = ?1 AND e.pattern = ?2 AND e.reverted = 0 AND g.task IS NOT NULL",
    )
    .bind(tenant)
    .bind(pattern)
    .execute(&mut *connection)
    .await?;
    record.verified_tasks = tasks.rows_affected();
    store(connection, tenant, &mut record).await?;
    sqlx::query(
        "UPDATE patterns SET \
         retired = NOT EXISTS (SELECT 1 FROM pattern_versions v WHERE v.tenant = ?1 AND v.pattern = ?2 AND v.reverted = 0), \
         version = COALESCE((SELECT MAX(version) FROM pattern_versions v WHERE v.tenant = ?1 AND v.pattern = ?2 \
         AND v.reverted = 0), version) WHERE tenant = ?1 AND id = ?2",
    )
    .bind(tenant)
    .bind(pattern)
    .execute(connection)
    .await?;
    Ok(())
}
