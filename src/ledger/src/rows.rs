//! From stored columns to types. Every failure names the value: a damaged row is never guessed at.

use std::fmt::Display;
use std::str::FromStr;

use genesis_core::confidence::PatternStanding;
use genesis_core::digest::Digest;
use genesis_core::learning::Lesson;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::{LedgerError, Result};
use crate::types::TaskRef;
use crate::types::learning::LearningRecord;
use crate::types::pattern::PatternRecord;

/// A number of the ledger; SQLite's integers are signed.
pub(crate) fn unsigned(row: &SqliteRow, column: &str) -> Result<u64> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| LedgerError::Corrupt(format!("{column} = {value}")))
}

/// A small number of the ledger.
pub(crate) fn small(row: &SqliteRow, column: &str) -> Result<u32> {
    let value: i64 = row.try_get(column)?;
    u32::try_from(value).map_err(|_| LedgerError::Corrupt(format!("{column} = {value}")))
}

/// A column that holds a value's text form.
pub(crate) fn parsed<T: FromStr>(row: &SqliteRow, column: &str) -> Result<T>
where
    T::Err: Display,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error: T::Err| LedgerError::Corrupt(format!("{column} = {text:?}: {error}")))
}

/// A digest that may be absent.
pub(crate) fn digest(row: &SqliteRow, column: &str) -> Result<Option<Digest>> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|error| LedgerError::Corrupt(format!("{column}: {error}")))).transpose()
}

/// A column that holds JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| LedgerError::Corrupt(format!("{column}: {error}")))
}

/// A value as it is stored in a JSON column.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| LedgerError::Invalid(format!("a value cannot be stored as JSON: {error}")))
}

/// The columns `task` and `family`.
pub(crate) fn task(row: &SqliteRow) -> Result<Option<TaskRef>> {
    let id: Option<String> = row.try_get("task")?;
    let family: Option<String> = row.try_get("family")?;
    Ok(id.zip(family).map(|(id, family)| TaskRef { id, family }))
}

/// The columns of a pattern's standing.
pub(crate) fn standing(row: &SqliteRow) -> Result<PatternStanding> {
    Ok(PatternStanding {
        confidence: row.try_get("confidence")?,
        shown_successes: row.try_get("shown_successes")?,
        shown_failures: row.try_get("shown_failures")?,
        withheld_successes: row.try_get("withheld_successes")?,
        withheld_failures: row.try_get("withheld_failures")?,
    })
}

/// `SELECT` of whole patterns; the argument continues the statement.
macro_rules! select_patterns {
    ($tail:literal) => {
        concat!(
            "SELECT p.tenant, p.id, p.model, p.version, p.revision, p.confidence, p.shown_successes, p.shown_failures, ",
            "p.withheld_successes, p.withheld_failures, p.uses, p.successes, p.verified_tasks, p.retired, ",
            "v.title, v.prompt, v.body, g.id AS generation, g.language, g.task, g.family, g.adapter, g.at_ms, ",
            "c.execution_id FROM patterns p ",
            "JOIN pattern_versions v ON v.tenant = p.tenant AND v.pattern = p.id AND v.version = p.version ",
            "JOIN generations g ON g.sequence = v.generation ",
            "JOIN candidates c ON c.generation = v.generation AND c.position = v.position ",
            $tail
        )
    };
}
pub(crate) use select_patterns;

/// A row of [`select_patterns!`].
pub(crate) fn pattern(row: &SqliteRow) -> Result<PatternRecord> {
    Ok(PatternRecord {
        id: row.try_get("id")?,
        model: row.try_get("model")?,
        version: small(row, "version")?,
        revision: unsigned(row, "revision")?,
        title: row.try_get("title")?,
        prompt: row.try_get("prompt")?,
        body: row.try_get("body")?,
        language: parsed(row, "language")?,
        task: task(row)?,
        generation: row.try_get("generation")?,
        execution: row.try_get("execution_id")?,
        adapter: digest(row, "adapter")?,
        standing: standing(row)?,
        uses: unsigned(row, "uses")?,
        successes: unsigned(row, "successes")?,
        verified_tasks: unsigned(row, "verified_tasks")?,
        retired: row.try_get("retired")?,
        at_ms: row.try_get("at_ms")?,
    })
}

/// `SELECT` of whole learnings; the argument continues the statement.
macro_rules! select_learnings {
    ($tail:literal) => {
        concat!(
            "SELECT l.tenant, l.sequence, l.model, l.kind, l.detail, l.position, l.reverted, l.at_ms, g.id AS generation, ",
            "g.task, g.family, g.served_name, g.adapter, c.execution_id FROM learnings l ",
            "JOIN generations g ON g.sequence = l.generation ",
            "JOIN candidates c ON c.generation = l.generation AND c.position = l.position ",
            $tail
        )
    };
}
pub(crate) use select_learnings;

/// A row of [`select_learnings!`].
pub(crate) fn learning(row: &SqliteRow) -> Result<LearningRecord> {
    Ok(LearningRecord {
        sequence: unsigned(row, "sequence")?,
        model: row.try_get("model")?,
        lesson: Lesson { kind: parsed(row, "kind")?, detail: row.try_get("detail")? },
        task: task(row)?,
        generation: row.try_get("generation")?,
        candidate: small(row, "position")?,
        execution: row.try_get("execution_id")?,
        served_name: row.try_get("served_name")?,
        adapter: digest(row, "adapter")?,
        reverted: row.try_get("reverted")?,
        at_ms: row.try_get("at_ms")?,
    })
}
