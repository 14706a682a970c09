//! The single writer: one connection, one task, and one commit for all callers that wait at that moment.
//!
//! A commit costs one flush to disk however many callers it serves. Each caller's work runs under its own
//! savepoint, so that one that is refused takes nothing away from the others; each hears of success only
//! after the commit that holds its work.

use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::error::{LedgerError, Result};

/// Most callers served by one commit: bounds how long the first of them waits.
const MAX_BATCH: usize = 64;

/// What a caller wants done inside the transaction.
type Work<T> = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T>> + Send>;

/// One caller's work, whatever its result's type.
trait Unit: Send {
    /// Does the work; `false` if it was refused and its savepoint is to be undone.
    fn apply<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, bool>;
    /// Tells the caller, after the commit or after its failure.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Pending<T> {
    work: Option<Work<T>>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send + 'static> Unit for Pending<T> {
    fn apply<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let outcome = work(connection).await;
            let kept = outcome.is_ok();
            self.outcome = Some(outcome);
            kept
        })
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let outcome = match (self.outcome, failure) {
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok(done)), None) => Ok(done),
            (Some(Ok(_)) | None, failure) => {
                Err(LedgerError::CommitFailed(failure.unwrap_or("the work was not reached").to_owned()))
            }
        };
        // A caller that no longer waits loses only the answer: its work is committed.
        drop(self.reply.send(outcome));
    }
}

/// Handle of the writer task.
pub(crate) struct Writer {
    running: Mutex<Option<Running>>,
    committed: watch::Receiver<u64>,
}

struct Running {
    queue: mpsc::Sender<Box<dyn Unit>>,
    task: JoinHandle<()>,
}

impl Writer {
    /// Starts the task. `head` is the newest position of the outbox.
    pub(crate) fn start(connection: SqliteConnection, options: SqliteConnectOptions, head: u64) -> Self {
        let (queue, waiting) = mpsc::channel(4 * MAX_BATCH);
        let (announce, committed) = watch::channel(head);
        let task = tokio::spawn(run(Some(connection), options, waiting, announce));
        Self { running: Mutex::new(Some(Running { queue, task })), committed }
    }

    /// Does `work` in a transaction and returns once it is on disk.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let unit = Pending { work: Some(Box::new(work)), outcome: None, reply };
        self.queue()?.send(Box::new(unit)).await.map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)?
    }

    fn queue(&self) -> Result<mpsc::Sender<Box<dyn Unit>>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| running.queue.clone()).ok_or(LedgerError::Closed)
    }

    /// Takes no new work and returns once the work under way is committed.
    pub(crate) async fn close(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { queue, task }) = running else { return };
        drop(queue);
        if let Err(error) = task.await {
            tracing::error!(%error, "the ledger's writer ended badly");
        }
    }

    /// The newest committed position of the outbox, as it grows.
    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }
}

async fn run(
    mut connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    mut waiting: mpsc::Receiver<Box<dyn Unit>>,
    announce: watch::Sender<u64>,
) {
    while let Some(first) = waiting.recv().await {
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        let outcome = commit(&mut connection, &options, &mut batch).await;
        match &outcome {
            Ok(head) => {
                announce.send_replace(*head);
            }
            Err(error) => {
                tracing::error!(%error, waiting = batch.len(), "a commit failed; its callers were told");
                // Dropping the connection rolls back whatever it still held.
                connection = None;
            }
        }
        let failure = outcome.err().map(|error| error.to_string());
        for unit in batch {
            unit.answer(failure.as_deref());
        }
    }
    if let Some(connection) = connection
        && let Err(error) = connection.close().await
    {
        tracing::warn!(%error, "closing the ledger's database");
    }
}

/// One transaction for the whole batch. Returns the newest position of the outbox.
async fn commit(
    slot: &mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
    batch: &mut [Box<dyn Unit>],
) -> Result<u64, sqlx::Error> {
    let connection = match slot {
        Some(connection) => connection,
        None => slot.insert(options.connect().await?),
    };
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    for unit in batch {
        sqlx::query("SAVEPOINT unit").execute(&mut *connection).await?;
        if !unit.apply(connection).await {
            sqlx::query("ROLLBACK TO unit").execute(&mut *connection).await?;
        }
        sqlx::query("RELEASE unit").execute(&mut *connection).await?;
    }
    let head: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(sequence), 0) FROM outbox").fetch_one(&mut *connection).await?;
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(head.cast_unsigned())
}
