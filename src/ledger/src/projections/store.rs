//! The file in which graph and vectors are kept. It holds nothing that the ledger does not.

use std::path::Path;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::error::Result;
use crate::rows;

/// Tables of all projections in the file.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS projections (
        name TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, position INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS graph_nodes (
        tenant TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, properties TEXT NOT NULL, sequence INTEGER NOT NULL,
        PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS graph_edges (
        tenant TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, weight INTEGER NOT NULL,
        sequence INTEGER NOT NULL, PRIMARY KEY (tenant, source, kind, target)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS graph_edges_by_target ON graph_edges (tenant, target);
    CREATE TABLE IF NOT EXISTS vectors (
        tenant TEXT NOT NULL, pattern TEXT NOT NULL, version INTEGER NOT NULL, prompt TEXT NOT NULL, vector BLOB NOT NULL,
        retired INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (tenant, pattern)
    ) STRICT;
";

/// Opens the file, or a database in memory.
pub(super) async fn open(path: Option<&Path>) -> Result<SqlitePool> {
    let options = match path {
        Some(path) => SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A power cut may take the newest positions back: the relay then applies those events again.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5)),
        None => SqliteConnectOptions::new().in_memory(true),
    };
    // A database in memory lives as long as its connection: exactly one, never closed for idleness.
    let pool = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(if path.is_some() { 4 } else { 1 })
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await?;
    sqlx::raw_sql(SCHEMA).execute(&pool).await?;
    Ok(pool)
}

/// Whether the projection was made by the same code and settings; if not, it is to be cleared.
pub(super) async fn made_by(pool: &SqlitePool, name: &str, fingerprint: &str) -> Result<bool> {
    let known: Option<String> = sqlx::query_scalar("SELECT fingerprint FROM projections WHERE name = ?1")
        .bind(name)
        .fetch_optional(pool)
        .await?;
    Ok(known.as_deref() == Some(fingerprint))
}

/// The projection's position, 0 before the first event.
pub(super) async fn position(connection: &mut SqliteConnection, name: &str) -> Result<u64> {
    let row = sqlx::query("SELECT COALESCE(MAX(position), 0) AS position FROM projections WHERE name = ?1")
        .bind(name)
        .fetch_one(connection)
        .await?;
    rows::unsigned(&row, "position")
}

/// Moves the position in the transaction that applied the events.
pub(super) async fn advance(
    connection: &mut SqliteConnection,
    name: &str,
    fingerprint: &str,
    position: u64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO projections (name, fingerprint, position) VALUES (?1, ?2, ?3) \
         ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, position = excluded.position",
    )
    .bind(name)
    .bind(fingerprint)
    .bind(position.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

/// Rows of a query as tab-separated items for [`super::Contents`].
pub(super) async fn items(connection: &mut SqliteConnection, sql: &'static str) -> Result<Vec<String>> {
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get::<String, _>(0)?)).collect()
}
