//! Versions of a pattern's body.

use genesis_core::confidence::PatternStanding;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::super::Draft;
use crate::error::Result;
use crate::rows;
use crate::types::pattern::NewPattern;

/// Creates the pattern, adds a version if its body is new, and notes who earned it; `false` if nothing changed.
///
/// A body that is known is noted too: should its first earner be reverted, the version stands by the others.
pub(super) async fn write(connection: &mut SqliteConnection, draft: &Draft<'_>, pattern: &NewPattern) -> Result<bool> {
    let scope = &draft.given.scope;
    let known = sqlx::query(
        "SELECT p.retired, p.version, v.body, (SELECT MAX(version) FROM pattern_versions m WHERE m.tenant = p.tenant \
         AND m.pattern = p.id) AS newest FROM patterns p JOIN pattern_versions v \
         ON v.tenant = p.tenant AND v.pattern = p.id AND v.version = p.version WHERE p.tenant = ?1 AND p.id = ?2",
    )
    .bind(&scope.tenant)
    .bind(&pattern.id)
    .fetch_optional(&mut *connection)
    .await?;
    let (version, is_new) = match known {
        Some(row) if row.try_get::<String, _>("body")? == pattern.body && !row.try_get::<bool, _>("retired")? => {
            (rows::small(&row, "version")?, false)
        }
        Some(row) => (rows::small(&row, "newest")? + 1, true),
        None => {
            create(connection, draft, pattern).await?;
            (1, true)
        }
    };
    if is_new {
        insert(connection, draft, pattern, version).await?;
    }
    earn(connection, draft, pattern, version).await?;
    let mut newly_verified = false;
    if let Some(task) = &draft.given.task {
        newly_verified = verify_on(connection, &scope.tenant, &pattern.id, &task.id).await?;
    }
    if !is_new && !newly_verified {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE patterns SET version = ?3, retired = 0, verified_tasks = verified_tasks + ?4, revision = revision + 1 \
         WHERE tenant = ?1 AND id = ?2",
    )
    .bind(&scope.tenant)
    .bind(&pattern.id)
    .bind(version)
    .bind(newly_verified)
    .execute(connection)
    .await?;
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

async fn insert(
    connection: &mut SqliteConnection,
    draft: &Draft<'_>,
    pattern: &NewPattern,
    version: u32,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO pattern_versions (tenant, pattern, version, title, prompt, body, generation, position) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&draft.given.scope.tenant)
    .bind(&pattern.id)
    .bind(version)
    .bind(&pattern.title)
    .bind(&pattern.prompt)
    .bind(&pattern.body)
    .bind(draft.sequence)
    .bind(pattern.candidate)
    .execute(connection)
    .await?;
    Ok(())
}

async fn earn(connection: &mut SqliteConnection, draft: &Draft<'_>, pattern: &NewPattern, version: u32) -> Result<()> {
    sqlx::query("INSERT INTO pattern_earnings (tenant, pattern, version, generation, position) VALUES (?, ?, ?, ?, ?)")
        .bind(&draft.given.scope.tenant)
        .bind(&pattern.id)
        .bind(version)
        .bind(draft.sequence)
        .bind(pattern.candidate)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that the task verified the pattern; whether it is the first time.
async fn verify_on(connection: &mut SqliteConnection, tenant: &str, pattern: &str, task: &str) -> Result<bool> {
    let done =
        sqlx::query("INSERT INTO pattern_tasks (tenant, pattern, task) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
            .bind(tenant)
            .bind(pattern)
            .bind(task)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}
