//! The demo's client: sends programming tasks through the public API and counts what it gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt};
use genesis_core::task::Task;
use serde_json::{Value, json};

use super::cluster::{MODEL, NAMESPACE};

/// Requests under way at one time.
const IN_FLIGHT: usize = 48;

/// Client and counters.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    http: reqwest::Client,
    api: String,
    model: String,
    tasks: Arc<[Task]>,
    seed: u64,
    /// Requests answered so far.
    pub answered: Arc<AtomicUsize>,
    /// Of them, with a verified program.
    pub verified: Arc<AtomicUsize>,
    /// Requests that got no answer.
    pub dropped: Arc<AtomicUsize>,
}

impl Traffic {
    pub(crate) fn new(api: &str, tasks: &[Task], seed: u64) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_mins(2)).build()?;
        let count = || Arc::new(AtomicUsize::new(0));
        Ok(Self {
            http,
            api: api.to_owned(),
            model: format!("{NAMESPACE}/{MODEL}"),
            tasks: tasks.into(),
            seed,
            answered: count(),
            verified: count(),
            dropped: count(),
        })
    }

    /// The same client, asking the model of another namespace.
    pub(crate) fn in_namespace(self, namespace: &str) -> Self {
        Self { model: format!("{namespace}/{MODEL}"), ..self }
    }

    /// How many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Sends every task once.
    pub(crate) async fn send_all(&self) {
        self.send_round(0).await;
    }

    /// Sends every task once more, as another request.
    pub(crate) async fn send_round(&self, round: usize) {
        stream::iter(0..self.tasks.len()).for_each_concurrent(IN_FLIGHT, |index| self.send(round, index, None)).await;
    }

    /// Sends tasks again and again until it is told to stop: the live traffic of a canary.
    pub(crate) async fn send_until(&self, stop: &AtomicBool) {
        for round in 100..1_000 {
            stream::iter(0..self.tasks.len())
                .take_while(|_| std::future::ready(!stop.load(Ordering::Relaxed)))
                // A few samples suffice here: what counts is how many requests each model answers.
                .for_each_concurrent(IN_FLIGHT / 2, |index| self.send(round, index, Some(2)))
                .await;
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    async fn send(&self, round: usize, index: usize, samples: Option<u32>) {
        let task = &self.tasks[index];
        let body = json!({
            "id": format!("demo-{}-{round}-{index}", self.seed),
            "model": self.model,
            "session": format!("client-{}", (round * 7919 + index) % 1_000),
            "prompt": task.prompt,
            "task_id": task.id,
            "family": task.family,
            "tests": task.tests,
            "samples": samples,
        });
        match self.ask(&body).await {
            Ok(answer) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                if answer["verified"] == json!(true) {
                    self.verified.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, "A request got no answer.");
            }
        }
    }

    /// A client asks again where the connection breaks: the id makes that safe.
    async fn ask(&self, body: &Value) -> Result<Value> {
        let url = format!("{}/api/v1/genesis/generate", self.api);
        let mut last = None;
        for attempt in 0..60 {
            match self.http.post(&url).json(body).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(answer.json().await?),
                Ok(answer) if answer.status().is_server_error() || answer.status() == 429 => {
                    last = Some(anyhow::anyhow!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()));
                }
                Ok(answer) => anyhow::bail!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()),
                Err(error) => last = Some(error.into()),
            }
            tokio::time::sleep(Duration::from_millis(200 + 20 * attempt)).await;
        }
        Err(last.context("no attempt was made")?)
    }

    /// The public statistics of the loop.
    pub(crate) async fn statistics(&self) -> Result<Value> {
        self.get("/api/v1/genesis/feedback/statistics").await
    }

    /// The public state of the loop.
    pub(crate) async fn status(&self) -> Result<Value> {
        self.get("/api/v1/genesis/improvement/status").await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}{path}", self.api);
        let answer = self.http.get(&url).send().await?.error_for_status()?;
        answer.json().await.with_context(|| format!("read {url}"))
    }
}
