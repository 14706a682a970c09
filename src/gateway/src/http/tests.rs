//! Contracts of every endpoint, over real connections.

mod consumers;
mod openai_contract;
mod operators;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::generate::program;

const START: &str = "def solve(xs: list[int]) -> int:\n    \"\"\"Count the integers of the list.\"\"\"\n";

fn body() -> Value {
    json!({
        "prompt": START, "task_id": "t1", "family": "count",
        "tests": { "kind": "calls", "entry": "solve", "cases": [{ "args": ["[1, 2]"], "expected": "2" }] }
    })
}

async fn post(url: &str, body: &Value) -> (StatusCode, Value) {
    told(reqwest::Client::new().post(url).json(body)).await
}

async fn get(url: &str) -> (StatusCode, Value) {
    told(reqwest::Client::new().get(url)).await
}

async fn told(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// An error has all four fields, none of them empty.
fn assert_error(got: &(StatusCode, Value), status: u16, code: &str) {
    assert_eq!((got.0.as_u16(), got.1["code"].as_str()), (status, Some(code)), "{got:?}");
    for field in ["message", "hint", "trace_id"] {
        assert!(got.1[field].as_str().is_some_and(|text| !text.is_empty()), "{field} is missing: {got:?}");
    }
}

#[test]
fn the_prompt_of_these_tests_is_taken_as_it_is() {
    assert_eq!(program::start(START).text, START);
}
