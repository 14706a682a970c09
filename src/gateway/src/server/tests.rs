//! The whole process against an inference server and a sandbox that are reached over the network.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::routing::post;
use axum::{Json, Router};
use futures::StreamExt as _;
use genesis_core::execution::{ExecutionRecord, ExecutionRequest, ExecutionVerdict, TestCounts};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch as channel;

use super::*;
use crate::config::Secret;
use crate::routing::testing::route;
use crate::routing::{ModelRoute, Replica, RetryPolicy, RouteTable, Unsynced};
use crate::testing::{TOKEN, record};

#[derive(Deserialize)]
struct Batch {
    requests: Vec<ExecutionRequest>,
}

/// A sandbox: every program passes.
fn sandbox() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut body = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut body).unwrap();
            let Batch { requests } = serde_json::from_slice(&body).unwrap();
            let records: Vec<ExecutionRecord> = requests.iter().map(passed).collect();
            let answer = serde_json::to_vec(&json!({ "records": records })).unwrap();
            stream.write_all(&(answer.len() as u32).to_be_bytes()).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    port
}

fn passed(request: &ExecutionRequest) -> ExecutionRecord {
    let tests = TestCounts { declared: 1, executed: 1, passed: 1 };
    ExecutionRecord { verdict: ExecutionVerdict::Pass, tests, ..record(&request.id) }
}

/// An inference server that refuses while it is down, as a pod does while it restarts.
async fn inference(down: Arc<AtomicBool>) -> u16 {
    let complete = move |Json(body): Json<Value>| {
        let down = Arc::clone(&down);
        async move {
            if down.load(Ordering::SeqCst) {
                return Err(axum::http::StatusCode::SERVICE_UNAVAILABLE);
            }
            let choices: Vec<Value> = (0..body["n"].as_u64().unwrap())
                .map(|i| json!({ "index": i, "text": "    return len(xs)\n" }))
                .collect();
            Ok(Json(json!({ "choices": choices })))
        }
    };
    let url = crate::testing::serve(Router::new().route("/v1/completions", post(complete))).await;
    url.rsplit(':').next().unwrap().parse().unwrap()
}

struct Running {
    url: String,
    shutdown: CancellationToken,
    process: JoinHandle<Result<(), ServerError>>,
}

async fn start(data: &std::path::Path, down: Arc<AtomicBool>) -> Running {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::new(data.into(), Secret::new(TOKEN));
    (config.listen, config.internal_listen, config.metrics_listen) = (any, any, any);
    config.retry =
        RetryPolicy { total: Duration::from_secs(10), pause: Duration::from_millis(20), ..RetryPolicy::default() };
    (config.inference_port, config.sandbox_port) = (inference(down).await, sandbox());
    let pod = |name: &str| vec![Replica { pod: name.into(), address: [127, 0, 0, 1].into() }];
    let ready = ModelRoute { serving: pod("inference"), sandboxes: pod("sandbox"), ..route(None) };
    let (announce, table) = channel::channel(Arc::new(RouteTable::new([ready])));
    let shutdown = CancellationToken::new();
    let routes = Routes { table, unsynced: Arc::new(Unsynced::none()) };
    let gateway = Gateway::bind_with(config, routes, shutdown.clone()).await.unwrap();
    let url = format!("http://{}/api/v1/genesis", gateway.addresses().public);
    let process = tokio::spawn(async move {
        let _announce = announce;
        gateway.serve().await
    });
    Running { url, shutdown, process }
}

impl Running {
    async fn generate(&self, number: usize) -> Value {
        let body = json!({
            "prompt": format!("def solve(xs: list[int]) -> int:\n    \"\"\"Count them, variant {number}.\"\"\"\n"),
            "id": format!("k{number}"), "samples": 2,
            "tests": { "kind": "calls", "entry": "solve", "cases": [{ "args": ["[1]"], "expected": "1" }] }
        });
        let response = reqwest::Client::new().post(format!("{}/generate", self.url)).json(&body).send().await.unwrap();
        response.json().await.unwrap()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.process.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn no_request_is_dropped_while_the_model_restarts_and_nothing_is_lost_with_the_process() {
    let data = tempfile::tempdir().unwrap();
    let down = Arc::new(AtomicBool::new(false));
    let running = start(data.path(), Arc::clone(&down)).await;
    let restart = tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            down.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(200)).await;
            down.store(false, Ordering::SeqCst);
        }
    });
    let answers: Vec<Value> =
        futures::stream::iter((0..120).map(|number| running.generate(number))).buffer_unordered(64).collect().await;
    restart.await.unwrap();
    for answer in &answers {
        assert_eq!(answer["verified"], true, "{answer}");
    }
    running.stop().await;
    let again = start(data.path(), Arc::default()).await;
    let statistics: Value =
        reqwest::get(format!("{}/feedback/statistics", again.url)).await.unwrap().json().await.unwrap();
    assert_eq!((&statistics["total_cycles"], &statistics["passed"]), (&json!(120), &json!(120)));
    let repeated = again.generate(0).await;
    assert!(answers.iter().any(|answer| answer["id"] == repeated["id"]), "{repeated}");
    let after =
        reqwest::get(format!("{}/feedback/statistics", again.url)).await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(after, statistics, "a repeat counts nothing");
    again.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Config::new(data.path().into(), Secret::new(TOKEN));
    config.listen = taken.local_addr().unwrap();
    let (_announce, table) = channel::channel(Arc::default());
    let routes = Routes { table, unsynced: Arc::new(Unsynced::none()) };
    let Err(error) = Gateway::bind_with(config, routes, CancellationToken::new()).await else {
        panic!("it was bound twice")
    };
    assert!(error.to_string().contains(&taken.local_addr().unwrap().to_string()), "{error}");
}
