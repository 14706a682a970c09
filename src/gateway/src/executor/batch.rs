//! One batch for what many requests want executed at the same moment.
//!
//! A sandbox answers a batch at little more than the cost of one program, and runs equal programs once. So programs
//! wait a few milliseconds for company; under load a batch fills while others are out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use genesis_core::execution::{ExecutionRecord, ExecutionRequest};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::{Executor, SandboxUnavailable};
use crate::metrics::Metrics;
use crate::routing::ModelKey;

/// Bounds of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPolicy {
    /// The first program waits at most this long for others.
    pub wait: Duration,
    /// Programs in one batch at most (a single request's programs are never split).
    pub programs: usize,
    /// Batches out at one time for one model.
    pub in_flight: usize,
}

impl Default for BatchPolicy {
    fn default() -> Self {
        Self { wait: Duration::from_millis(5), programs: 256, in_flight: 4 }
    }
}

type Answer = Result<Vec<ExecutionRecord>, SandboxUnavailable>;

struct Submission {
    requests: Vec<ExecutionRequest>,
    reply: oneshot::Sender<Answer>,
}

/// Merges the batches of concurrent callers before they reach `inner`.
pub struct Batched {
    inner: Arc<dyn Executor>,
    policy: BatchPolicy,
    metrics: Arc<Metrics>,
    queues: Mutex<HashMap<ModelKey, mpsc::Sender<Submission>>>,
}

impl Batched {
    /// Puts a batcher before `inner`.
    pub fn new(inner: Arc<dyn Executor>, policy: BatchPolicy, metrics: Arc<Metrics>) -> Self {
        Self { inner, policy, metrics, queues: Mutex::default() }
    }

    /// The queue of a model; its task starts with the first program and ends with this value.
    fn queue(&self, model: &ModelKey) -> mpsc::Sender<Submission> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(model.clone()).or_insert_with(|| self.start(model.clone())).clone()
    }

    fn start(&self, model: ModelKey) -> mpsc::Sender<Submission> {
        let (queue, waiting) = mpsc::channel(1_024);
        let (inner, policy, metrics) = (Arc::clone(&self.inner), self.policy, Arc::clone(&self.metrics));
        tokio::spawn(collect(model, inner, policy, metrics, waiting));
        queue
    }
}

impl Executor for Batched {
    fn run<'a>(&'a self, model: &'a ModelKey, requests: Vec<ExecutionRequest>) -> BoxFuture<'a, Answer> {
        async move {
            if requests.is_empty() {
                return Ok(Vec::new());
            }
            let gone = |_| SandboxUnavailable("the executor has stopped".to_owned());
            let (reply, answer) = oneshot::channel();
            self.queue(model).send(Submission { requests, reply }).await.map_err(|e| gone(e.to_string()))?;
            answer.await.map_err(|e| gone(e.to_string()))?
        }
        .boxed()
    }
}

async fn collect(
    model: ModelKey,
    inner: Arc<dyn Executor>,
    policy: BatchPolicy,
    metrics: Arc<Metrics>,
    mut waiting: mpsc::Receiver<Submission>,
) {
    let permits = Arc::new(Semaphore::new(policy.in_flight.max(1)));
    while let Some(first) = waiting.recv().await {
        let mut batch = vec![first];
        fill(&mut batch, &mut waiting, policy).await;
        // While all permits are out more programs gather in the queue: load makes batches larger, not more numerous.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        top_up(&mut batch, &mut waiting, policy);
        metrics.batch(programs(&batch));
        let (inner, model) = (Arc::clone(&inner), model.clone());
        tokio::spawn(async move {
            run(&*inner, &model, batch).await;
            drop(permit);
        });
    }
}

async fn fill(batch: &mut Vec<Submission>, waiting: &mut mpsc::Receiver<Submission>, policy: BatchPolicy) {
    let deadline = Instant::now() + policy.wait;
    while programs(batch) < policy.programs {
        match tokio::time::timeout_at(deadline, waiting.recv()).await {
            Ok(Some(submission)) => batch.push(submission),
            Ok(None) | Err(_) => return,
        }
    }
}

fn top_up(batch: &mut Vec<Submission>, waiting: &mut mpsc::Receiver<Submission>, policy: BatchPolicy) {
    while programs(batch) < policy.programs {
        match waiting.try_recv() {
            Ok(submission) => batch.push(submission),
            Err(_) => return,
        }
    }
}

fn programs(batch: &[Submission]) -> usize {
    batch.iter().map(|submission| submission.requests.len()).sum()
}

async fn run(inner: &dyn Executor, model: &ModelKey, batch: Vec<Submission>) {
    let requests = batch.iter().flat_map(|submission| submission.requests.clone()).collect();
    let mut answer = inner.run(model, requests).await;
    for Submission { requests, reply } in batch {
        let share = match &mut answer {
            Ok(records) if records.len() >= requests.len() => Ok(records.drain(..requests.len()).collect()),
            Ok(_) => Err(SandboxUnavailable("the sandbox left records out".to_owned())),
            Err(error) => Err(error.clone()),
        };
        // A caller that no longer waits needs no answer.
        drop(reply.send(share));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{record, request};

    /// Remembers the size of every batch; the record's reason is the program.
    #[derive(Default)]
    struct Echo {
        batches: Mutex<Vec<usize>>,
    }

    impl Executor for Echo {
        fn run<'a>(&'a self, _: &'a ModelKey, requests: Vec<ExecutionRequest>) -> BoxFuture<'a, Answer> {
            self.batches.lock().unwrap().push(requests.len());
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok(requests.iter().map(|r| ExecutionRecord { reason: r.source.clone(), ..record(&r.id) }).collect())
            }
            .boxed()
        }
    }

    #[tokio::test]
    async fn concurrent_callers_share_batches_and_each_gets_its_own_records() {
        let echo = Arc::new(Echo::default());
        let batched = Arc::new(Batched::new(
            echo.clone(),
            BatchPolicy { in_flight: 1, ..BatchPolicy::default() },
            Arc::default(),
        ));
        let model = ModelKey::new("ns", "m");
        let calls = (0..64).map(|caller| {
            let (batched, model) = (Arc::clone(&batched), model.clone());
            tokio::spawn(async move {
                let sources: Vec<String> = (0..3).map(|i| format!("{caller}/{i}")).collect();
                let records = batched.run(&model, sources.iter().map(|s| request(s, s)).collect()).await.unwrap();
                assert_eq!(records.into_iter().map(|r| r.reason).collect::<Vec<_>>(), sources);
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        let batches = echo.batches.lock().unwrap().clone();
        assert_eq!(batches.iter().sum::<usize>(), 192);
        assert!(batches.len() <= 4, "64 callers needed {} batches", batches.len());
    }
}
