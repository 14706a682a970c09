//! The queue between connections and workers: batches take turns, so a long one does not hold up a short one.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use genesis_core::execution::{ExecutionRecord, ExecutionRequest};

use crate::frame::MAX_ANSWER;

/// Programs that were asked for together, and their records.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) requests: Vec<ExecutionRequest>,
    /// How many records of the answer each program makes.
    copies: Vec<usize>,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug)]
struct Progress {
    next: usize,
    records: Vec<Option<ExecutionRecord>>,
    /// How many bytes the records that are there will take in the answer.
    bytes: usize,
    missing: usize,
    given_up: bool,
}

impl Batch {
    /// A batch of distinct programs; `indices` says for each record of the answer which of them it is about.
    pub(super) fn new(requests: Vec<ExecutionRequest>, indices: &[usize]) -> Arc<Self> {
        let count = requests.len();
        let copies = (0..count).map(|at| indices.iter().filter(|&&index| index == at).count()).collect();
        let progress = Progress { next: 0, records: vec![None; count], bytes: 0, missing: count, given_up: false };
        Arc::new(Self { requests, copies, progress: Mutex::new(progress), changed: Condvar::new() })
    }

    /// The index of the next program, and whether more come after it.
    fn take(&self) -> Option<(usize, bool)> {
        let mut progress = locked(&self.progress);
        let at = progress.next;
        if progress.given_up || at >= self.requests.len() {
            return None;
        }
        progress.next += 1;
        Some((at, progress.next < self.requests.len()))
    }

    /// Puts the record of program `at` in its place. Where the records become more than an answer can carry they are
    /// dropped, and the programs that have not started are forgotten.
    pub(super) fn put(&self, at: usize, record: ExecutionRecord) {
        let length = length(&record).saturating_mul(self.copies.get(at).copied().unwrap_or(1));
        let mut progress = locked(&self.progress);
        progress.bytes = progress.bytes.saturating_add(length);
        if progress.bytes > MAX_ANSWER {
            progress.given_up = true;
            progress.records.clear();
        } else if let Some(place) = progress.records.get_mut(at)
            && place.replace(record).is_none()
        {
            progress.missing -= 1;
        }
        self.changed.notify_all();
    }

    /// Waits a while; the records, if all are there, or their bytes, if these are too many.
    pub(super) fn wait(&self, at_most: Duration) -> Option<Result<Vec<ExecutionRecord>, usize>> {
        let waiting = |progress: &mut Progress| progress.missing > 0 && progress.bytes <= MAX_ANSWER;
        let waited = self.changed.wait_timeout_while(locked(&self.progress), at_most, waiting);
        let (mut progress, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if progress.bytes > MAX_ANSWER {
            return Some(Err(progress.bytes));
        }
        (progress.missing == 0).then(|| Ok(progress.records.drain(..).flatten().collect()))
    }

    /// Lets the programs that have not started be forgotten.
    pub(super) fn give_up(&self) {
        locked(&self.progress).given_up = true;
    }
}

/// Batches in turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Arc<Batch>>,
    closed: bool,
}

impl Queue {
    /// Adds a batch; it is served in turn with the others.
    pub(super) fn add(&self, batch: Arc<Batch>) {
        locked(&self.state).batches.push_back(batch);
        self.changed.notify_all();
    }

    /// Waits for the next program; `None` once the queue is closed.
    pub(super) fn next(&self) -> Option<(Arc<Batch>, usize)> {
        let mut state = locked(&self.state);
        loop {
            if state.closed {
                return None;
            }
            while let Some(batch) = state.batches.pop_front() {
                if let Some((at, more)) = batch.take() {
                    if more {
                        state.batches.push_back(Arc::clone(&batch));
                    }
                    return Some((batch, at));
                }
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends every worker after its present program.
    pub(super) fn close(&self) {
        locked(&self.state).closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        locked(&self.state).closed
    }
}

/// Bytes of a record in an answer.
fn length(record: &ExecutionRecord) -> usize {
    /// Counts what is written to it.
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A record is texts and numbers: writing it to a counter cannot fail.
    let _ = serde_json::to_writer(&mut counter, record);
    counter.0
}

/// A lock whose holder panicked still guards whole values here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
