use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::*;
use crate::infer::testing::gated_engine;

/// Checks status, parameter and a part of the message.
async fn refused(server: &Server, path: &str, body: Value, want: (u16, Value, &str)) {
    let (status, answer) = server.post(path, &body).await;
    let error = &answer["error"];
    assert_eq!(status.as_u16(), want.0, "{answer}");
    assert_eq!(error["code"], want.0, "{answer}");
    assert_eq!(error["param"], want.1, "{answer}");
    assert!(error["type"].is_string());
    assert!(error["message"].as_str().unwrap().contains(want.2), "{answer}");
}

#[tokio::test]
async fn bad_requests_are_told_what_was_wrong() {
    let server = Server::start().await;
    let long = "x = 1\n".repeat(60);
    for (body, want) in [
        (json!({ "model": "gpt-5", "prompt": "x" }), (404, json!("model"), "`gpt-5` does not exist")),
        (json!({ "prompt": "x", "temperature": 9.0 }), (400, json!("temperature"), "from 0 (greedy) to 2, got 9")),
        (json!({ "prompt": "x", "top_p": 0 }), (400, json!("top_p"), "got 0")),
        (json!({ "prompt": "x", "n": 0 }), (400, json!("n"), "from 1 to 16")),
        (json!({ "prompt": "x", "n": 17 }), (400, json!("n"), "from 1 to 16")),
        (json!({ "prompt": "x", "logprobs": 21 }), (400, json!("logprobs"), "at most 20")),
        (json!({ "prompt": "x", "max_tokens": 96 }), (400, json!("max_tokens"), "maximum context length is 96")),
        (json!({ "prompt": "x", "max_tokens": u64::MAX }), (400, json!("max_tokens"), "maximum context length is 96")),
        (json!({ "prompt": vec!["x"; 101] }), (400, json!("prompt"), "101 prompts, and this server's queue holds 100")),
        (json!({ "prompt": long }), (400, json!("prompt"), "maximum context length is 96")),
        (json!({ "prompt": [] }), (400, json!("prompt"), "at least one")),
        (json!({ "prompt": [300] }), (400, json!("prompt"), "out of vocabulary")),
        (json!({ "prompt": [[]] }), (400, json!("prompt"), "empty")),
        (json!({ "prompt": 5 }), (400, Value::Null, "prompt")),
        (json!({ "prompt": "x", "suffix": "y" }), (400, json!("suffix"), "not supported")),
        (json!({}), (400, Value::Null, "prompt")),
    ] {
        refused(&server, "/v1/completions", body, want).await;
    }
    let no_user = json!({ "messages": [{ "role": "system", "content": "x" }] });
    refused(&server, "/v1/chat/completions", no_user, (400, json!("messages"), "\"user\"")).await;
    let endless = json!({ "messages": [{ "role": "user", "content": "x" }], "max_tokens": u64::MAX });
    refused(&server, "/v1/chat/completions", endless, (400, json!("max_tokens"), "maximum context length is 96")).await;
    refused(&server, "/v1/embeddings", json!({}), (404, Value::Null, "/v1/embeddings is not served")).await;
}

#[tokio::test]
async fn a_megabyte_is_refused_and_the_server_goes_on() {
    let server = Server::start().await;
    let megabyte = json!({ "prompt": "x".repeat(1_000_000), "max_tokens": 1 });
    refused(&server, "/v1/completions", megabyte, (400, json!("prompt"), "1000000 bytes")).await;
    let url = format!("{}/v1/completions", server.public);
    let request = server.client.post(url).header("content-type", "application/json").body("[".repeat(MAX_BODY + 1));
    // The server may close the connection before it has read everything: then the client sees that instead.
    if let Ok(response) = request.send().await {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["error"]["code"], 413, "{answer}");
    }
    server.complete(json!({ "prompt": "def", "max_tokens": 1 })).await;
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let server = Server::start().await;
    let url = format!("{}/v1/completions", server.public);
    for (kind, body, status) in [("application/json", "{", 400), ("text/plain", "{}", 415)] {
        let response = server.client.post(&url).header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["error"]["code"], status);
    }
}

#[tokio::test]
async fn a_full_queue_answers_429() {
    let (engine, gate) = gated_engine(Limits { sequences: 1, prompt_tokens: 64 }, 1);
    let server = Server::of(engine).await;
    // One is computed and one waits: of three, one is refused while the gate holds the others.
    let body = json!({ "prompt": "def", "max_tokens": 1 });
    let mut asked: FuturesUnordered<_> = (0..3).map(|_| server.post("/v1/completions", &body)).collect();
    let (status, answer) = asked.next().await.unwrap();
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("waiting"), "{answer}");
    drop(gate);
    assert!(asked.any(async |(status, _)| status == StatusCode::OK).await);
}
