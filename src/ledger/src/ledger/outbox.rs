//! The outbox: what happened, in the order of commits.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::Ledger;
use crate::error::Result;
use crate::rows;
use crate::types::event::{Event, EventBody};

impl Ledger {
    /// Newest position of the outbox, 0 before the first event.
    pub async fn head(&self) -> Result<u64> {
        let head: i64 =
            sqlx::query_scalar("SELECT COALESCE(MAX(sequence), 0) FROM outbox").fetch_one(self.readers()).await?;
        Ok(head.cast_unsigned())
    }

    /// Events of all tenants after `position`, at most `limit`: what projections are made from.
    pub async fn events_after(&self, position: u64, limit: u32) -> Result<Vec<Event>> {
        let rows = sqlx::query(
            "SELECT sequence, tenant, at_ms, body FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )
        .bind(position.cast_signed())
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(event).collect()
    }

    /// Events of one tenant after `position`, at most `limit`: what a subscriber missed.
    pub async fn events_of(&self, tenant: &str, position: u64, limit: u32) -> Result<Vec<Event>> {
        let rows = sqlx::query(
            "SELECT sequence, tenant, at_ms, body FROM outbox WHERE tenant = ?1 AND sequence > ?2 \
             ORDER BY sequence LIMIT ?3",
        )
        .bind(tenant)
        .bind(position.cast_signed())
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(event).collect()
    }
}

fn event(row: &SqliteRow) -> Result<Event> {
    Ok(Event {
        sequence: rows::unsigned(row, "sequence")?,
        tenant: row.try_get("tenant")?,
        at_ms: row.try_get("at_ms")?,
        body: rows::json(row, "body")?,
    })
}

/// Appends events inside the transaction of the change they tell of.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    tenant: &str,
    at_ms: i64,
    events: &[EventBody],
) -> Result<()> {
    // SQLite takes 32766 variables a statement; three for each event.
    for chunk in events.chunks(1_000) {
        let bodies = chunk.iter().map(rows::to_json).collect::<Result<Vec<_>>>()?;
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO outbox (tenant, at_ms, body) ");
        insert.push_values(bodies, |mut row, body| {
            row.push_bind(tenant).push_bind(at_ms).push_bind(body);
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}
