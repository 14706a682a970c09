//! Opening a database: durability settings, schema version, migrations.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::error::{LedgerError, Result};

/// The schema, embedded in the program.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

pub(super) struct Opened {
    pub(super) writer: SqliteConnection,
    pub(super) options: SqliteConnectOptions,
    pub(super) readers: SqlitePool,
    pub(super) head: u64,
}

/// Write-ahead log, flushed at every commit; foreign keys enforced.
///
/// `FULL` rather than `NORMAL`: with `NORMAL` a power cut can take back commits that callers were told of.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
}

pub(super) async fn open(path: &Path, readers: u32) -> Result<Opened> {
    let options = options(path);
    let mut writer = options.connect().await?;
    refuse_newer_schema(&mut writer).await?;
    MIGRATIONS.run(&mut writer).await?;
    let head: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(sequence), 0) FROM outbox").fetch_one(&mut writer).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(readers.max(1))
        .connect_with(options.clone().create_if_missing(false).read_only(true))
        .await?;
    Ok(Opened { writer, options, readers, head: head.cast_unsigned() })
}

/// Compares before anything is changed, so that an older program leaves a newer database as it is.
async fn refuse_newer_schema(connection: &mut SqliteConnection) -> Result<()> {
    let migrated: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')")
            .fetch_one(&mut *connection)
            .await?;
    if !migrated {
        return Ok(());
    }
    let found: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known { Err(LedgerError::NewerSchema { found, known }) } else { Ok(()) }
}
