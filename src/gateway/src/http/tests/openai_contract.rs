use std::sync::Arc;

use axum::routing::post as answer_post;
use axum::{Json, Router};

use super::*;
use crate::routing::testing::canary;
use crate::routing::{ModelKey, ModelRoute, RouteTable};
use crate::testing::{Harness, ready_route, serve};

fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": format!("```python\n{START}```") }], "frequency_penalty": 0 })
}

#[tokio::test]
async fn models_are_listed_under_both_names() {
    let harness = Harness::new().await;
    let models = get(&format!("{}/v1/models", harness.public().await)).await.1;
    let ids: Vec<&str> = models["data"].as_array().unwrap().iter().filter_map(|m| m["id"].as_str()).collect();
    assert_eq!(ids, ["default/seedling", "seedling"]);
}

#[tokio::test]
async fn a_chat_with_the_model_goes_through_the_pipeline() {
    let harness = Harness::new().await;
    let base = harness.public().await;
    let (status, got) = post(&format!("{base}/v1/chat/completions"), &chat("default/seedling")).await;
    assert_eq!((status.as_u16(), &got["object"]), (200, &json!("chat.completion")), "{got}");
    assert_eq!(got["choices"][0]["message"]["content"], format!("```python\n{START}    return len(xs)\n```"));
    assert_eq!(got["genesis"]["outcome"], "unverified");
    let statistics = get(&format!("{base}/api/v1/genesis/feedback/statistics")).await.1;
    assert_eq!(statistics["total_cycles"], 1);
}

#[tokio::test]
async fn a_chat_can_be_streamed() {
    let harness = Harness::new().await;
    let mut request = chat("default/seedling");
    request["stream"] = json!(true);
    let url = format!("{}/v1/chat/completions", harness.public().await);
    let text = reqwest::Client::new().post(url).json(&request).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("chat.completion.chunk") && text.trim_end().ends_with("data: [DONE]"), "{text}");
}

#[tokio::test]
async fn the_base_name_goes_straight_to_inference_with_the_adapter_that_the_routes_choose() {
    let echo = |Json(body): Json<Value>| async move {
        match body["model"].as_str() {
            Some(model) if model.contains("missing") => (StatusCode::NOT_FOUND, Json(json!({}))),
            _ => (StatusCode::OK, Json(json!({ "served": body["model"] }))),
        }
    };
    let inference =
        Router::new().route("/v1/chat/completions", answer_post(echo)).route("/v1/completions", answer_post(echo));
    let inference = serve(inference).await;
    let port = inference.rsplit(':').next().unwrap().parse().unwrap();
    let harness = Harness::with(|config| config.inference_port = port).await;
    let base = harness.public().await;
    let served =
        |path: &'static str, base: String| async move { post(&format!("{base}{path}"), &chat("seedling")).await };
    assert_eq!(served("/v1/chat/completions", base.clone()).await.1["served"], "seedling");
    let on_trial = canary(100, "r");
    let name = on_trial.served.name.clone();
    let announce = |canary| {
        harness.announce.send_replace(Arc::new(RouteTable::new([ModelRoute {
            canary: Some(canary),
            ..ready_route(&harness.data)
        }])))
    };
    announce(on_trial.clone());
    assert_eq!(served("/v1/completions", base.clone()).await.1["served"], name);
    let mut missing = on_trial;
    missing.served.name = "seedling-missing".into();
    announce(missing);
    assert_eq!(served("/v1/completions", base).await.1["served"], "seedling");
}

#[tokio::test]
async fn errors_have_the_shape_that_openais_clients_read() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let harness = Harness::with(|config| config.inference_port = free).await;
    let base = harness.public().await;
    for (path, body, status, code) in [
        ("/v1/chat/completions", json!({ "messages": "x" }), 422, "invalid_field"),
        ("/v1/chat/completions", json!({ "messages": [] }), 422, "no_user_message"),
        ("/v1/chat/completions", chat("default/other"), 404, "unknown_model"),
        ("/v1/completions", json!({ "model": "other", "prompt": "x" }), 404, "model_not_found"),
        ("/v1/chat/completions", chat("seedling"), 503, "inference_unavailable"),
    ] {
        let (got, error) = post(&format!("{base}{path}"), &body).await;
        assert_eq!((got.as_u16(), error["error"]["code"].as_str()), (status, Some(code)), "{error}");
        for field in ["message", "type", "trace_id"] {
            assert!(error["error"][field].is_string(), "{field} is missing: {error}");
        }
    }
}

#[tokio::test]
async fn a_replica_that_does_not_have_the_champion_yet_is_tried_again() {
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let restarted = move |Json(body): Json<Value>| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let status = if first { StatusCode::NOT_FOUND } else { StatusCode::OK };
        async move { (status, Json(json!({ "served": body["model"] }))) }
    };
    let inference = serve(Router::new().route("/v1/completions", answer_post(restarted))).await;
    let port = inference.rsplit(':').next().unwrap().parse().unwrap();
    let harness = Harness::with(|config| {
        (config.inference_port, config.retry.total) = (port, std::time::Duration::from_secs(60));
    })
    .await;
    let url = format!("{}/v1/completions", harness.public().await);
    assert_eq!(post(&url, &json!({ "model": "seedling", "prompt": "x" })).await.1["served"], "seedling");
}

#[tokio::test]
async fn a_base_name_that_several_models_share_must_be_made_clear() {
    let harness = Harness::new().await;
    let named = |name: &str| ModelRoute { key: ModelKey::new("other", name), ..ready_route(&harness.data) };
    harness.announce.send_replace(Arc::new(RouteTable::new([ready_route(&harness.data), named("b")])));
    let base = harness.public().await;
    for path in ["/v1/chat/completions", "/v1/completions"] {
        let (status, error) = post(&format!("{base}{path}"), &chat("seedling")).await;
        assert_eq!((status.as_u16(), error["error"]["code"].as_str()), (422, Some("model_required")), "{error}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("default/seedling") && message.contains("other/b"), "{message}");
    }
}
