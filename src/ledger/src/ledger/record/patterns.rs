//! What an answer does to patterns: new versions, and the observations that move their standing.

use std::collections::{BTreeMap, BTreeSet};

use genesis_core::confidence::{self, Exposure, PatternStanding};
use genesis_core::execution::Outcome;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::Draft;
use crate::error::{LedgerError, Result};
use crate::rows::{self, select_patterns};
use crate::types::event::EventBody;
use crate::types::pattern::{NewPattern, PatternRecord, PatternUse};

/// Writes versions and observations; returns the events of the patterns that changed, in the order of their ids.
pub(super) async fn apply(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<Vec<EventBody>> {
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    for pattern in &draft.given.patterns {
        if write_version(connection, draft, pattern).await? {
            changed.insert(&pattern.id);
        }
    }
    let mut uses: BTreeMap<&str, Vec<&PatternUse>> = BTreeMap::new();
    for used in &draft.given.pattern_uses {
        uses.entry(&used.pattern).or_default().push(used);
    }
    for (pattern, uses) in &uses {
        observe(connection, draft, pattern, uses).await?;
        changed.insert(pattern);
    }
    insert_uses(connection, draft).await?;
    let mut events = Vec::with_capacity(changed.len());
    for id in changed {
        events.push(EventBody::PatternChanged {
            pattern: Box::new(load(connection, &draft.given.scope.tenant, id).await?),
        });
    }
    Ok(events)
}

/// The pattern as it stands inside the transaction.
pub(in crate::ledger) async fn load(
    connection: &mut SqliteConnection,
    tenant: &str,
    id: &str,
) -> Result<PatternRecord> {
    let row = sqlx::query(select_patterns!("WHERE p.tenant = ?1 AND p.id = ?2"))
        .bind(tenant)
        .bind(id)
        .fetch_optional(connection)
        .await?;
    rows::pattern(&row.ok_or_else(|| unknown(tenant, id))?)
}

fn unknown(tenant: &str, id: &str) -> LedgerError {
    LedgerError::Invalid(format!("pattern {id:?} is not known to tenant {tenant:?}"))
}

/// Creates the pattern, or adds a version if its body is new; `false` if nothing changed.
async fn write_version(connection: &mut SqliteConnection, draft: &Draft<'_>, pattern: &NewPattern) -> Result<bool> {
    let scope = &draft.given.scope;
    let known = sqlx::query(
        "SELECT p.retired, v.body, (SELECT MAX(version) FROM pattern_versions m WHERE m.tenant = p.tenant \
         AND m.pattern = p.id) AS newest FROM patterns p JOIN pattern_versions v \
         ON v.tenant = p.tenant AND v.pattern = p.id AND v.version = p.version WHERE p.tenant = ?1 AND p.id = ?2",
    )
    .bind(&scope.tenant)
    .bind(&pattern.id)
    .fetch_optional(&mut *connection)
    .await?;
    let version = match known {
        Some(row) if row.try_get::<String, _>("body")? == pattern.body && !row.try_get::<bool, _>("retired")? => {
            return Ok(false);
        }
        Some(row) => {
            let version = rows::small(&row, "newest")? + 1;
            sqlx::query(
                "UPDATE patterns SET version = ?3, retired = 0, revision = revision + 1 WHERE tenant = ?1 AND id = ?2",
            )
            .bind(&scope.tenant)
            .bind(&pattern.id)
            .bind(version)
            .execute(&mut *connection)
            .await?;
            version
        }
        None => {
            create(connection, draft, pattern).await?;
            1
        }
    };
    sqlx::query(
        "INSERT INTO pattern_versions (tenant, pattern, version, title, prompt, body, generation, position) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&scope.tenant)
    .bind(&pattern.id)
    .bind(version)
    .bind(&pattern.title)
    .bind(&pattern.prompt)
    .bind(&pattern.body)
    .bind(draft.sequence)
    .bind(pattern.candidate)
    .execute(&mut *connection)
    .await?;
    if let Some(task) = &draft.given.task {
        let added = verify_on(connection, &scope.tenant, &pattern.id, &task.id).await?;
        sqlx::query("UPDATE patterns SET verified_tasks = verified_tasks + ?3 WHERE tenant = ?1 AND id = ?2")
            .bind(&scope.tenant)
            .bind(&pattern.id)
            .bind(added)
            .execute(connection)
            .await?;
    }
    Ok(true)
}

async fn create(connection: &mut SqliteConnection, draft: &Draft<'_>, pattern: &NewPattern) -> Result<()> {
    let start = PatternStanding::default();
    sqlx::query(
        "INSERT INTO patterns (tenant, id, model, version, confidence, shown_successes, shown_failures, \
         withheld_successes, withheld_failures, uses, successes, verified_tasks) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, 0, 0, 0)",
    )
    .bind(&draft.given.scope.tenant)
    .bind(&pattern.id)
    .bind(&draft.given.scope.model)
    .bind(start.confidence)
    .bind(start.shown_successes)
    .bind(start.shown_failures)
    .bind(start.withheld_successes)
    .bind(start.withheld_failures)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that the task verified the pattern; 1 if it is the first time.
async fn verify_on(connection: &mut SqliteConnection, tenant: &str, pattern: &str, task: &str) -> Result<i64> {
    let done =
        sqlx::query("INSERT INTO pattern_tasks (tenant, pattern, task) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
            .bind(tenant)
            .bind(pattern)
            .bind(task)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() as i64)
}

/// Moves a pattern's standing by the observations of this generation.
async fn observe(
    connection: &mut SqliteConnection,
    draft: &Draft<'_>,
    pattern: &str,
    uses: &[&PatternUse],
) -> Result<()> {
    let tenant = &draft.given.scope.tenant;
    let row = sqlx::query(
        "SELECT confidence, shown_successes, shown_failures, withheld_successes, withheld_failures, uses, successes, \
         verified_tasks FROM patterns WHERE tenant = ?1 AND id = ?2",
    )
    .bind(tenant)
    .bind(pattern)
    .fetch_optional(&mut *connection)
    .await?
    .ok_or_else(|| unknown(tenant, pattern))?;
    let mut tally = Tally {
        standing: rows::standing(&row)?,
        uses: row.try_get("uses")?,
        successes: row.try_get("successes")?,
        verified_tasks: row.try_get("verified_tasks")?,
    };
    for used in uses {
        tally.add(used.exposure, used.outcome, used.quality, used.in_context);
        if let (Exposure::Shown, Outcome::Pass, Some(task)) = (used.exposure, used.outcome, &draft.given.task) {
            tally.verified_tasks += verify_on(connection, tenant, pattern, &task.id).await?;
        }
    }
    tally.store(connection, tenant, pattern).await
}

/// A pattern's numbers while observations are added.
#[derive(Default)]
pub(in crate::ledger) struct Tally {
    pub(in crate::ledger) standing: PatternStanding,
    pub(in crate::ledger) uses: i64,
    pub(in crate::ledger) successes: i64,
    pub(in crate::ledger) verified_tasks: i64,
}

impl Tally {
    /// One observation more, by the rule of the core.
    pub(in crate::ledger) fn add(&mut self, exposure: Exposure, outcome: Outcome, quality: f64, in_context: u32) {
        self.standing = confidence::updated(&self.standing, exposure, outcome, quality, in_context as usize);
        if exposure == Exposure::Shown {
            self.uses += 1;
            self.successes += i64::from(outcome == Outcome::Pass);
        }
    }

    /// Writes the numbers back.
    pub(in crate::ledger) async fn store(
        &self,
        connection: &mut SqliteConnection,
        tenant: &str,
        pattern: &str,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE patterns SET confidence = ?3, shown_successes = ?4, shown_failures = ?5, withheld_successes = ?6, \
             withheld_failures = ?7, uses = ?8, successes = ?9, verified_tasks = ?10, \
             revision = revision + 1 WHERE tenant = ?1 AND id = ?2",
        )
        .bind(tenant)
        .bind(pattern)
        .bind(self.standing.confidence)
        .bind(self.standing.shown_successes)
        .bind(self.standing.shown_failures)
        .bind(self.standing.withheld_successes)
        .bind(self.standing.withheld_failures)
        .bind(self.uses)
        .bind(self.successes)
        .bind(self.verified_tasks)
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn insert_uses(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<()> {
    if draft.given.pattern_uses.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO pattern_uses (tenant, pattern, generation, position, exposure, propensity, in_context, outcome, quality) ",
    );
    insert.push_values(&draft.given.pattern_uses, |mut row, used| {
        row.push_bind(&draft.given.scope.tenant)
            .push_bind(&used.pattern)
            .push_bind(draft.sequence)
            .push_bind(i64::from(used.candidate))
            .push_bind(used.exposure.to_string())
            .push_bind(used.propensity)
            .push_bind(i64::from(used.in_context))
            .push_bind(used.outcome.to_string())
            .push_bind(used.quality);
    });
    insert.build().execute(connection).await?;
    Ok(())
}
