//! The queue between connections and workers: batches take turns, so a long one does not hold up a short one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use genesis_core::execution::{ExecutionRecord, ExecutionRequest};

/// Programs that were asked for together, and their records.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) requests: Vec<ExecutionRequest>,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug)]
struct Progress {
    next: usize,
    records: Vec<Option<ExecutionRecord>>,
    missing: usize,
    given_up: bool,
}

impl Batch {
    pub(super) fn new(requests: Vec<ExecutionRequest>) -> Arc<Self> {
        let count = requests.len();
        let progress = Progress { next: 0, records: vec![None; count], missing: count, given_up: false };
        Arc::new(Self { requests, progress: Mutex::new(progress), changed: Condvar::new() })
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

    /// Puts the record of program `at` in its place.
    pub(super) fn put(&self, at: usize, record: ExecutionRecord) {
        let mut progress = locked(&self.progress);
        if let Some(place) = progress.records.get_mut(at)
            && place.replace(record).is_none()
        {
            progress.missing -= 1;
        }
        self.changed.notify_all();
    }

    /// Waits a while; the records, if all are there.
    pub(super) fn wait(&self, at_most: Duration) -> Option<Vec<ExecutionRecord>> {
        let waiting = |progress: &mut Progress| progress.missing > 0;
        let waited = self.changed.wait_timeout_while(locked(&self.progress), at_most, waiting);
        let (mut progress, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (progress.missing == 0).then(|| progress.records.drain(..).flatten().collect())
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

/// A lock whose holder panicked still guards whole values here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(ids: &[&str]) -> Arc<Batch> {
        let request =
            |id: &&str| serde_json::from_value(serde_json::json!({"id": id, "source": "", "tests": null})).unwrap();
        Batch::new(ids.iter().map(request).collect())
    }

    #[test]
    fn batches_take_turns() {
        let queue = Queue::default();
        queue.add(batch(&["a1", "a2", "a3"]));
        queue.add(batch(&["b1"]));
        let order: Vec<String> =
            (0..4).map(|_| queue.next().map(|(batch, at)| batch.requests[at].id.clone()).unwrap()).collect();
        assert_eq!(order, ["a1", "b1", "a2", "a3"]);
    }

    #[test]
    fn a_batch_that_was_given_up_is_not_started_again() {
        let (queue, first) = (Queue::default(), batch(&["a1", "a2"]));
        queue.add(Arc::clone(&first));
        queue.next().unwrap();
        first.give_up();
        queue.add(batch(&["b1"]));
        let (next, at) = queue.next().unwrap();
        assert_eq!(next.requests[at].id, "b1");
        queue.close();
        assert!(queue.next().is_none());
    }
}
