//! The threads that run programs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use genesis_core::execution::{ExecutionRecord, ExecutionRequest, ExecutionVerdict};

use super::StartError;
use super::queue::Queue;
use crate::proof;
use crate::record;
use crate::worker::{SetupError, Worker, Workshop};

/// Threads with a worker each. Dropping them ends every process they started.
#[derive(Debug)]
pub(super) struct Workers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` workers and returns when each is ready and every protection is proved.
    pub(super) fn start(workshop: &Arc<Workshop>, queue: &Arc<Queue>, count: usize) -> Result<Self, StartError> {
        let mut workers = Self { queue: Arc::clone(queue), threads: Vec::new() };
        let (ready, readiness) = mpsc::channel();
        for number in 0..count {
            let (workshop, queue, ready) = (Arc::clone(workshop), Arc::clone(queue), ready.clone());
            let work = move || work(&workshop, &queue, number == 0, ready);
            workers.threads.push(std::thread::Builder::new().name(format!("worker-{number}")).spawn(work)?);
        }
        // Without this one the words below would be waited for even where the last worker has ended silently.
        drop(ready);
        await_all(&readiness, count)?;
        Ok(workers)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Each worker says one word; one that ends without it has not started.
fn await_all(readiness: &mpsc::Receiver<Result<(), StartError>>, count: usize) -> Result<(), StartError> {
    let mut words = 0;
    for word in readiness {
        word?;
        words += 1;
    }
    if words == count { Ok(()) } else { Err(StartError::Silent { ready: words, wanted: count }) }
}

/// The life of a worker's thread; the first one proves the protections before it takes work.
fn work(workshop: &Arc<Workshop>, queue: &Queue, prove: bool, ready: mpsc::Sender<Result<(), StartError>>) {
    let hire = || Worker::start(Arc::clone(workshop));
    let start = || -> Result<Worker, StartError> {
        let mut worker = hire()?;
        let proofs = if prove { proof::prove(&mut worker) } else { Vec::new() };
        let granted = proofs.iter().all(|proof| proof.granted);
        if granted { Ok(worker) } else { Err(StartError::Unprotected(proofs)) }
    };
    let started = start();
    let (word, worker) = started.map_or_else(|error| (Err(error), None), |worker| (Ok(()), Some(worker)));
    let heard = ready.send(word).is_ok();
    // Whoever waits for the words of all waits until the last sender is gone.
    drop(ready);
    if let (true, Some(worker)) = (heard, worker) {
        serve(queue, worker, hire, Worker::execute, workshop.isolation());
    }
}

/// Runs what the queue holds until it is closed. A program under which the worker panics has no verdict, and the next
/// program gets a new worker.
fn serve<W>(
    queue: &Queue,
    worker: W,
    hire: impl Fn() -> Result<W, SetupError>,
    execute: impl Fn(&mut W, &ExecutionRequest) -> ExecutionRecord,
    isolation: &str,
) {
    let mut worker = Some(worker);
    while let Some((batch, at)) = queue.next() {
        let request = &batch.requests[at];
        let infra = |why: String| record::not_run(request, ExecutionVerdict::Infra, why, isolation);
        let record = match worker.take().map_or_else(&hire, Ok) {
            Ok(mut fit) => match catch_unwind(AssertUnwindSafe(|| execute(&mut fit, request))) {
                Ok(record) => {
                    worker = Some(fit);
                    record
                }
                Err(_) => infra("the sandbox's own worker panicked".to_owned()),
            },
            Err(error) => infra(format!("no worker: {error}")),
        };
        batch.put(at, record);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::queue::Batch;
    use super::*;

    fn request(id: &str) -> ExecutionRequest {
        serde_json::from_value(serde_json::json!({"id": id, "source": "", "tests": null})).unwrap()
    }

    #[test]
    fn a_worker_that_panics_is_replaced_and_its_program_has_no_verdict() {
        let queue = Queue::default();
        let batch = Batch::new(vec![request("first"), request("bad"), request("last")], &[0, 1, 2]);
        queue.add(Arc::clone(&batch));
        let execute = |worker: &mut u32, request: &ExecutionRequest| {
            assert_ne!(request.id, "bad", "this panic is part of the test");
            if request.id == "last" {
                queue.close();
            }
            record::not_run(request, ExecutionVerdict::Pass, worker.to_string(), "")
        };
        serve(&queue, 1, || Ok(2), execute, "");
        let records = batch.wait(Duration::ZERO).unwrap().unwrap();
        let shown: Vec<_> = records.iter().map(|record| (record.verdict, record.reason.as_str())).collect();
        assert_eq!(
            shown,
            [
                (ExecutionVerdict::Pass, "1"),
                (ExecutionVerdict::Infra, "the sandbox's own worker panicked"),
                (ExecutionVerdict::Pass, "2"),
            ]
        );
    }

    #[test]
    fn a_worker_that_ends_without_a_word_is_an_error() {
        let (ready, readiness) = mpsc::channel();
        ready.send(Ok(())).unwrap();
        drop(ready);
        assert!(matches!(await_all(&readiness, 2), Err(StartError::Silent { ready: 1, wanted: 2 })));
    }
}
