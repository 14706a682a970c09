//! Fencing: of several operators only the one that leads now may write.
//!
//! Each new leader has a higher number than the one before it. The number is compared in the transaction of the write,
//! so a leader that was held up and has lost the lead cannot write behind its successor's back.

use futures::future::BoxFuture;
use sqlx::sqlite::SqliteConnection;

use super::Ledger;
use crate::error::{LedgerError, Result};
use crate::writer::Writer;

/// Whose writes are fenced.
const HOLDER: &str = "operator";

/// The writer, for a leader with a number or for everybody.
pub(super) struct FencedWriter<'a> {
    pub(super) writer: &'a Writer,
    pub(super) number: Option<u64>,
}

impl FencedWriter<'_> {
    /// As [`Writer::write`], unless a later leader has written.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T>> + Send + 'static,
    {
        let Some(number) = self.number else { return self.writer.write(work).await };
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    admit(connection, number).await?;
                    work(connection).await
                })
            })
            .await
    }
}

/// Whether the leader with this number may write when that of the newest writer so far is given: the number to remember,
/// or that of the leader who came after it.
pub fn admits(newest: Option<u64>, number: u64) -> Result<u64, u64> {
    match newest {
        Some(newest) if newest > number => Err(newest),
        Some(_) | None => Ok(number),
    }
}

async fn admit(connection: &mut SqliteConnection, number: u64) -> Result<()> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT number FROM fences WHERE holder = ?1")
        .bind(HOLDER)
        .fetch_optional(&mut *connection)
        .await?;
    let newest = newest.map(i64::cast_unsigned);
    let kept = admits(newest, number).map_err(|newest| LedgerError::Fenced { number, newest })?;
    if newest != Some(kept) {
        sqlx::query("INSERT INTO fences (holder, number) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET number = ?2")
            .bind(HOLDER)
            .bind(kept.cast_signed())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl Ledger {
    /// This ledger for the leader with this number: its writes are refused once a later leader has written.
    #[must_use]
    pub fn fenced(&self, number: u64) -> Self {
        Self { fence: Some(number), ..self.clone() }
    }
}
