use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::*;

/// An inference server that gives this to every request.
async fn server(answer: impl Fn(&Value) -> (StatusCode, Value) + Clone + Send + Sync + 'static) -> InferenceClient {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = async move |Json(body): Json<Value>| {
        let (status, answer) = answer(&body);
        (status, Json(answer))
    };
    let app = Router::new().route("/v1/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    InferenceClient::new(genesis_client::http_client(Duration::from_secs(5)).unwrap(), &url, &url)
}

fn whole(body: &Value) -> (StatusCode, Value) {
    let count = body["n"].as_u64().unwrap();
    let choices: Vec<Value> = (0..count).map(|index| json!({ "index": index, "text": "pass" })).collect();
    (StatusCode::OK, json!({ "choices": choices }))
}

fn task() -> Task {
    let tests = json!({ "kind": "calls", "entry": "f", "cases": [] });
    serde_json::from_value(json!({
        "id": "t1", "family": "f", "split": "sealed", "prompt": "def f():\n    ", "tests": tests
    }))
    .unwrap()
}

async fn drawn(servers: &[InferenceClient]) -> Result<Vec<Answers>, Error> {
    let sampling = Sampling { samples: 3, temperature: 0.8, max_tokens: 8, seed: 1 };
    draw(servers, [(Arm::Champion, "a"), (Arm::Candidate, "b")], &[task()], &sampling, &|_| {}).await
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_elsewhere() {
    let failing = server(|_| (StatusCode::SERVICE_UNAVAILABLE, json!({}))).await;
    let answers = drawn(&[failing, server(whole).await]).await.unwrap();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer.samples.len() == 3 && answer.greedy == "def f():\n    pass"));
}

#[tokio::test]
async fn what_asking_again_cannot_change_is_told_at_once() {
    let refusing = server(|_| (StatusCode::NOT_FOUND, json!({}))).await;
    assert!(matches!(drawn(&[refusing]).await, Err(Error::Inference(error)) if error.status() == Some(404)));
}

#[tokio::test]
async fn a_missing_answer_is_no_failed_one() {
    let empty = server(|_| (StatusCode::OK, json!({ "choices": [] }))).await;
    assert!(matches!(drawn(&[empty]).await, Err(Error::Answers { got: 0, .. })));
    let short = server(|body| if body["n"] == 1 { whole(body) } else { whole(&json!({ "n": 2 })) }).await;
    assert!(matches!(drawn(&[short]).await, Err(Error::Answers { wanted: 3, got: 2, .. })));
}

#[test]
fn seeds_differ_by_task_and_by_run_and_fit_into_json() {
    assert_ne!(seed_of("a", 1), seed_of("b", 1));
    assert_ne!(seed_of("a", 1), seed_of("a", 2));
    assert_eq!(seed_of("a", 1), seed_of("a", 1));
    assert!(seed_of("a", 1) < 1 << 53);
}
