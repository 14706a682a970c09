//! Requests to the public API, and a program for the sandbox, that must do no harm.

use anyhow::{Context, Result, ensure};
use genesis_core::execution::{ExecutionRequest, ExecutionVerdict, Limits};
use genesis_core::task::{Language, Task};
use serde_json::json;

use super::Refusal;
use crate::demo::{Cluster, Traffic};

/// Requests that must be answered at the end.
const GOOD: usize = 8;

pub(super) async fn all(api: &str, cluster: &Cluster) -> Result<Vec<Refusal>> {
    let generate = format!("{api}/api/v1/genesis/generate");
    let long = json!({ "prompt": "x".repeat(1 << 20) }).to_string();
    let huge = json!({ "prompt": "x".repeat(8 << 20) }).to_string();
    let cases = [
        ("a prompt of 1 MB", long, &["413", "prompt"][..]),
        ("a body of 8 MB", huge, &["413"][..]),
        ("a body that is not JSON", "{\"prompt\": ".to_owned(), &["400", "JSON"][..]),
        ("an unknown field", json!({ "promt": "def f" }).to_string(), &["422", "promt"][..]),
        ("a thousand samples", json!({ "prompt": "def f", "samples": 1000 }).to_string(), &["422", "samples"][..]),
        ("a model that does not exist", json!({ "prompt": "def f", "model": "no/such" }).to_string(), &["no/such"][..]),
    ];
    let mut refusals = Vec::new();
    for (input, body, words) in cases {
        refusals.push(Refusal::of(input, post(&generate, body).await?, words));
    }
    refusals.push(fork_bomb(cluster).await?);
    Ok(refusals)
}

/// Status and text of the answer; only a refusal will do.
async fn post(url: &str, body: String) -> Result<String> {
    let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
    let answer = request.send().await.context("the gateway answers")?;
    let status = answer.status();
    ensure!(status.is_client_error(), "{url} answered {status}");
    Ok(format!("{status}: {}", answer.text().await?))
}

/// Straight to the sandbox of the running model, as its gateway would send it; then an honest program.
async fn fork_bomb(cluster: &Cluster) -> Result<Refusal> {
    let address = *cluster.sandboxes().await?.first().context("a sandbox is ready")?;
    let request = |id: &str, source: &str| ExecutionRequest {
        id: id.to_owned(),
        language: Language::Python,
        source: source.to_owned(),
        tests: None,
        capture: false,
        limits: Limits::default(),
    };
    let programs = [request("bomb", "import os\nwhile True: os.fork()\n"), request("honest", "print('still here')\n")];
    let client = genesis_sandbox::Client::new(address);
    let records = tokio::task::spawn_blocking(move || client.execute(&programs)).await??;
    let honest = records.iter().find(|record| record.id == "honest").context("the honest program has a record")?;
    ensure!(honest.verdict == ExecutionVerdict::Unverified, "the honest program: {} {}", honest.verdict, honest.reason);
    let bomb = records.iter().find(|record| record.id == "bomb").context("the fork bomb has a record")?;
    Ok(Refusal::of("a program that forks for ever", format!("{}: {}", bomb.verdict, bomb.reason), &["LIMIT"]))
}

/// How many good requests are answered.
pub(super) async fn good(api: &str, tasks: &[Task]) -> Result<usize> {
    let traffic = Traffic::new(api, &tasks[..GOOD.min(tasks.len())], 1)?;
    traffic.send_all().await;
    Ok(traffic.answered.load(std::sync::atomic::Ordering::Relaxed))
}
