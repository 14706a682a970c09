//! The system of record on SQLite.

mod census;
mod fence;
mod improvement;
mod open;
mod outbox;
mod query;
mod record;
mod revert;
mod validate;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use census::Census;
pub use fence::admits;

use std::path::Path;
use std::sync::Arc;

use sqlx::SqlitePool;
use tokio::sync::watch;

use self::fence::FencedWriter;
use crate::error::Result;
use crate::writer::Writer;

/// Settings of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// `quality_average` is taken over at most this many of the newest scored answers.
    pub quality_window: u32,
    /// Connections that read.
    pub readers: u32,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self { quality_window: 200, readers: 4 }
    }
}

/// The ledger. Clones share one writer and one pool of readers.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    /// Number of the leader that writes through this handle.
    fence: Option<u64>,
}

struct Shared {
    writer: Writer,
    readers: SqlitePool,
    options: LedgerOptions,
}

impl Ledger {
    /// Opens the database at `path`, creates it if there is none, and brings its schema up to date.
    ///
    /// Only one process may have it open for writing. A database of a newer release is refused with
    /// [`LedgerError::NewerSchema`](crate::LedgerError::NewerSchema) and left as it is.
    pub async fn open(path: &Path, options: LedgerOptions) -> Result<Self> {
        let opened = open::open(path, options.readers).await?;
        let writer = Writer::start(opened.writer, opened.options, opened.head);
        let shared = Shared { writer, readers: opened.readers, options };
        Ok(Self { shared: Arc::new(shared), fence: None })
    }

    /// The newest committed position of the outbox, as it grows. A relay waits on this.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.shared.writer.committed()
    }

    /// Waits for the writes under way and closes the database. Later calls on any clone fail.
    pub async fn close(&self) {
        self.shared.writer.close().await;
        self.shared.readers.close().await;
    }

    fn readers(&self) -> &SqlitePool {
        &self.shared.readers
    }

    fn writer(&self) -> FencedWriter<'_> {
        FencedWriter { writer: &self.shared.writer, number: self.fence }
    }
}
