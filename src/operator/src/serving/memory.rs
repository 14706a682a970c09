use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use genesis_core::Digest;
use genesis_core::adapter::Proof;
use jiff::Timestamp;

/// Seconds for which a refusal is believed; then the server is asked again.
const REFUSAL_SECONDS: i64 = 5;
/// Entries that are kept. Forgetting all of them costs a few requests.
const LARGEST: usize = 10_000;

/// Remembers proofs and refusals. All of it can be found out again: after a restart it is.
#[derive(Debug, Default)]
pub struct ReplicaMemory {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    proved: HashSet<(String, String)>,
    refused: HashMap<(String, String), (Timestamp, String)>,
    proofs: HashMap<Digest, Arc<Proof>>,
}

impl ReplicaMemory {
    /// Whether this process has proved the adapter of this name.
    pub(super) fn has_proved(&self, incarnation: &str, name: &str) -> bool {
        self.lock().proved.contains(&(incarnation.to_owned(), name.to_owned()))
    }

    /// This process has proved it.
    pub(super) fn proved(&self, incarnation: &str, name: &str) {
        let mut inner = self.lock();
        if inner.proved.len() >= LARGEST {
            inner.proved.clear();
        }
        inner.proved.insert((incarnation.to_owned(), name.to_owned()));
    }

    /// The adapter is not loaded any more: what was proved counts for nothing.
    pub(super) fn gone(&self, incarnation: &str, name: &str) {
        self.lock().proved.remove(&(incarnation.to_owned(), name.to_owned()));
    }

    /// What the server said when it refused the adapter, where that was a moment ago.
    pub(super) fn refusal(&self, incarnation: &str, name: &str, now: Timestamp) -> Option<String> {
        let inner = self.lock();
        let (time, why) = inner.refused.get(&(incarnation.to_owned(), name.to_owned()))?;
        (now.as_second() - time.as_second() < REFUSAL_SECONDS).then(|| why.clone())
    }

    /// The server refused the adapter.
    pub fn refused(&self, incarnation: &str, name: &str, now: Timestamp, why: &str) {
        let mut inner = self.lock();
        if inner.refused.len() >= LARGEST {
            inner.refused.clear();
        }
        inner.refused.insert((incarnation.to_owned(), name.to_owned()), (now, why.to_owned()));
    }

    /// The proof of an adapter, where it was read before.
    pub(super) fn proof(&self, digest: &Digest) -> Option<Arc<Proof>> {
        self.lock().proofs.get(digest).cloned()
    }

    /// Keeps the proof of an adapter. A digest names one content for ever.
    pub(super) fn keep_proof(&self, digest: &Digest, proof: &Arc<Proof>) {
        let mut inner = self.lock();
        if inner.proofs.len() >= LARGEST {
            inner.proofs.clear();
        }
        inner.proofs.insert(digest.clone(), proof.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done under this lock, so what a panicking thread left is still good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
