//! The ledger's promises.

mod concurrency;
mod fence;
mod idempotency;
mod improvement;
mod kill;
mod patterns;
mod revert;
mod schema;
mod snapshots;
mod tenants;

use super::fixtures::*;
use super::*;

/// Rows of every table: what must be unchanged when nothing was written.
async fn row_counts(ledger: &Ledger) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%' ORDER BY name",
    )
    .fetch_all(ledger.readers())
    .await
    .unwrap();
    let mut counts = Vec::new();
    for table in tables {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        counts.push((table, sqlx::query_scalar(sql).fetch_one(ledger.readers()).await.unwrap()));
    }
    counts
}
