//! Durable storage: a write is answered, and shown to readers and watches, only after it is on disk.

mod journal;
mod recovery;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use self::journal::Journal;
use super::{
    resource::ObjectKey,
    state::{Change, State},
};

/// Why the store cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be used.
    #[error("cannot use the cluster's data directory {path}: {source}")]
    Directory {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record before the end of the journal is damaged.
    #[error("{path}: record {record} is damaged but later ones are not; restore the file from a copy")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Number of the damaged record, from 1.
        record: usize,
    },
    /// Another process has the directory open.
    #[error("{path} is in use by another process; stop it first")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A write could not be made durable; the store answers nothing more until it is opened again.
    #[error("the cluster's journal cannot be written ({0}); free disk space and restart")]
    Failed(String),
}

/// What the journal thread and the writers share.
#[derive(Debug, Default)]
struct Shared {
    state: State,
    /// Encoded records not yet on disk.
    pending: Vec<u8>,
    /// Why the journal stopped.
    failed: Option<String>,
    closing: bool,
}

#[derive(Debug)]
struct Inner {
    shared: Mutex<Shared>,
    wake: Condvar,
    durable: watch::Sender<u64>,
    persistent: bool,
}

/// Handle on the stored state.
#[derive(Debug)]
pub struct Store {
    inner: Arc<Inner>,
    journal: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Store {
    /// A store that lives as long as the process.
    pub fn in_memory() -> Self {
        Self { inner: Inner::new(State::default(), false), journal: Mutex::default() }
    }

    /// Opens (or creates) the store in `dir` and recovers what was acknowledged.
    ///
    /// # Errors
    /// When the directory cannot be used, is open elsewhere, or a record other than the last is damaged.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let (state, journal) = Journal::open(dir)?;
        let inner = Inner::new(state, true);
        let worker = inner.clone();
        let thread = std::thread::Builder::new()
            .name("cluster-journal".to_owned())
            .spawn(move || worker.run_journal(journal))
            .map_err(|source| StoreError::Directory { path: dir.to_owned(), source })?;
        Ok(Self { inner, journal: Mutex::new(Some(thread)) })
    }

    /// Reads under the lock. What is read may not be durable yet; see [`durable`](Self::durable).
    pub fn read<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.inner.lock().state)
    }

    /// Writes under the lock. The closure commits through [`Writer`] as its last step, or not at all.
    pub fn write<R>(&self, write: impl FnOnce(&mut Writer<'_>) -> R) -> R {
        let mut guard = self.inner.lock();
        let before = guard.state.revision();
        let result = write(&mut Writer { shared: &mut guard, persistent: self.inner.persistent });
        let revision = guard.state.revision();
        drop(guard);
        if revision > before {
            if self.inner.persistent {
                self.inner.wake.notify_one();
            } else {
                self.inner.announce(revision);
            }
        }
        result
    }

    /// Waits until everything up to `revision` is on disk.
    ///
    /// # Errors
    /// When the journal cannot be written any more.
    pub async fn durable(&self, revision: u64) -> Result<(), StoreError> {
        let mut durable = self.inner.durable.subscribe();
        let reached = durable.wait_for(|at| *at >= revision).await.map(|at| *at);
        match reached {
            Ok(u64::MAX) | Err(_) => {
                let why = self.inner.lock().failed.clone();
                Err(StoreError::Failed(why.unwrap_or_else(|| "the store is closed".to_owned())))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Writes what is pending, lets go of the data directory and answers nothing more. Without a directory it does
    /// nothing.
    pub fn close(&self) {
        let journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = journal {
            self.inner.lock().closing = true;
            self.inner.wake.notify_one();
            // A journal thread that panicked has nothing left to write.
            thread.join().ok();
            self.inner.durable.send_replace(u64::MAX);
        }
    }

    /// Announces each revision once it is durable; `u64::MAX` after a failure.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.inner.durable.subscribe()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn new(state: State, persistent: bool) -> Arc<Self> {
        let durable = watch::Sender::new(state.revision());
        Arc::new(Self {
            shared: Mutex::new(Shared { state, ..Shared::default() }),
            wake: Condvar::new(),
            durable,
            persistent,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces that everything up to `revision` is durable. A slower writer does not take back what a faster said.
    fn announce(&self, revision: u64) {
        self.durable.send_if_modified(|durable| {
            let further = revision > *durable;
            *durable = revision.max(*durable);
            further
        });
    }

    /// The journal thread: everything written while the last flush ran goes to disk in one.
    fn run_journal(&self, mut journal: Journal) {
        loop {
            let mut shared = self.lock();
            while shared.pending.is_empty() && !shared.closing {
                shared = self.wake.wait(shared).unwrap_or_else(PoisonError::into_inner);
            }
            if shared.pending.is_empty() {
                return;
            }
            let batch = std::mem::take(&mut shared.pending);
            let revision = shared.state.revision();
            let snapshot = journal.wants_snapshot(batch.len()).then(|| shared.state.objects().clone());
            drop(shared);
            let written = journal.append(&batch).and_then(|()| match snapshot {
                Some(objects) => journal.compact(revision, &objects),
                None => Ok(()),
            });
            match written {
                Ok(()) => self.announce(revision),
                Err(error) => {
                    tracing::error!(%error, "the cluster's journal cannot be written");
                    self.lock().failed = Some(error.to_string());
                    self.durable.send_replace(u64::MAX);
                    return;
                }
            }
        }
    }
}

/// Write access to the state.
pub struct Writer<'a> {
    shared: &'a mut Shared,
    persistent: bool,
}

impl Writer<'_> {
    /// The state as it is now.
    pub fn state(&self) -> &State {
        &self.shared.state
    }

    /// Stores an object; see [`State::put`].
    pub fn put(&mut self, key: &ObjectKey, object: serde_json::Value) -> Change {
        let change = self.shared.state.put(key, object);
        self.record(&change);
        change
    }

    /// Removes an object; see [`State::remove`].
    pub fn remove(&mut self, key: &ObjectKey) -> Option<Change> {
        let change = self.shared.state.remove(key)?;
        self.record(&change);
        Some(change)
    }

    /// Removes an object that changed on the way out; see [`State::remove_last`].
    pub fn remove_last(&mut self, key: &ObjectKey, last: serde_json::Value) -> Change {
        let change = self.shared.state.remove_last(key, last);
        self.record(&change);
        change
    }

    /// Forgets history; see [`State::compact`].
    pub fn compact(&mut self, revision: u64) {
        self.shared.state.compact(revision);
    }

    fn record(&mut self, change: &Change) {
        if self.persistent {
            journal::encode(change, &mut self.shared.pending);
        }
    }
}
