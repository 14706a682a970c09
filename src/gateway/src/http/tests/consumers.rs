use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use super::*;
use crate::routing::{ModelKey, ModelRoute, RouteTable};
use crate::testing::{Harness, ready_route};

#[tokio::test]
async fn generate_answers_with_code_and_quality() {
    let harness = Harness::new().await;
    let url = format!("{}/api/v1/genesis/generate", harness.public().await);
    let (status, answer) = post(&url, &body()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["code"], format!("{START}    return len(xs)\n"));
    assert_eq!(
        (&answer["verified"], &answer["outcome"], &answer["arm"]),
        (&json!(true), &json!("pass"), &json!("stable"))
    );
    assert_eq!((&answer["model"], &answer["served_name"]), (&json!("default/seedling"), &json!("seedling")));
    let parts = &answer["quality_parts"];
    let weighted = 0.4 * parts["execution_success"].as_f64().unwrap()
        + 0.3 * parts["gate_pass"].as_f64().unwrap()
        + 0.2 * parts["no_validation_errors"].as_f64().unwrap()
        + 0.1 * parts["efficiency"].as_f64().unwrap();
    assert!((answer["quality"].as_f64().unwrap() - weighted).abs() < 1e-9);
    let minimal = json!({ "prompt": START, "use_patterns": true });
    assert_eq!(post(&url, &minimal).await.1["outcome"], "unverified");
}

#[tokio::test]
async fn bad_input_has_its_own_error() {
    let harness = Harness::new().await;
    let url = format!("{}/api/v1/genesis/generate", harness.public().await);
    let with = |field: &str, value: Value| {
        let mut body = body();
        body[field] = value;
        body
    };
    assert_error(&post(&url, &with("promt", json!("x"))).await, 422, "invalid_field");
    assert_error(&post(&url, &with("prompt", json!(7))).await, 422, "invalid_field");
    assert_error(&post(&url, &with("language", json!("cobol"))).await, 422, "invalid_field");
    assert_error(&post(&url, &with("prompt", json!(" "))).await, 422, "empty_prompt");
    assert_error(&post(&url, &with("samples", json!(1_000))).await, 422, "invalid_request");
    assert_error(&post(&url, &with("model", json!("default/other"))).await, 404, "unknown_model");
    let unparsable = reqwest::Client::new().post(&url).body("{\"prompt\": ");
    assert_error(&told(unparsable).await, 400, "malformed_json");
    let unknown = post(&url, &with("promt", json!("x"))).await.1;
    assert!(
        unknown["message"].as_str().unwrap().contains("unknown field `promt`, expected one of `prompt`"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_prompt_of_a_megabyte_is_refused_clearly_and_the_server_goes_on() {
    let harness = Harness::new().await;
    let url = format!("{}/api/v1/genesis/generate", harness.public().await);
    for bytes in [300_000, 1 << 20, 8 << 20] {
        let got = post(&url, &json!({ "prompt": "x".repeat(bytes) })).await;
        assert_error(&got, 413, "prompt_too_large");
    }
    assert_eq!(post(&url, &body()).await.0, 200);
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer() {
    let harness = Harness::new().await;
    let url = format!("{}/api/v1/genesis/generate", harness.public().await);
    let keyed = |body: &Value| reqwest::Client::new().post(&url).header("Idempotency-Key", "k").json(body);
    let first = told(keyed(&body())).await;
    harness.model.says("    return 1\n");
    assert_eq!(told(keyed(&body())).await, first);
    let mut other = body();
    other["prompt"] = json!("def other():\n");
    assert_error(&told(keyed(&other)).await, 409, "key_reused");
    let mut named = body();
    named["id"] = json!("k");
    assert_eq!(post(&url, &named).await, first);
}

#[tokio::test]
async fn what_is_learned_can_be_asked_for() {
    let harness = Harness::new().await;
    let base = format!("{}/api/v1/genesis", harness.public().await);
    post(&format!("{base}/generate"), &body()).await;
    // Before the second request, which may be shown the pattern and then speaks of it.
    let patterns = get(&format!("{base}/patterns/top?limit=5")).await.1;
    assert_eq!((patterns[0]["confidence"].as_f64(), patterns.as_array().unwrap().len()), (Some(0.5), 1), "{patterns}");
    harness.model.says("    return 1\n");
    let mut second = body();
    second["task_id"] = json!("t2");
    post(&format!("{base}/generate"), &second).await;
    let statistics = get(&format!("{base}/feedback/statistics")).await.1;
    assert_eq!((&statistics["total_cycles"], &statistics["success_rate"]), (&json!(2), &json!(0.5)), "{statistics}");
    let learnings = get(&format!("{base}/learnings/recent")).await.1;
    assert_eq!(learnings[0]["kind"], "wrong_value", "{learnings}");
    let status = get(&format!("{base}/improvement/status")).await.1;
    assert_eq!(
        (&status["learnings_count"], &status["model_info"]["champion"]),
        (&json!(1), &json!("seedling")),
        "{status}"
    );
    assert_error(&get(&format!("{base}/patterns/top?limt=5")).await, 422, "invalid_query");
}

#[tokio::test]
async fn events_are_told_as_they_happen_and_can_be_resumed() {
    let harness = Harness::new().await;
    let base = format!("{}/api/v1/genesis", harness.public().await);
    let live = reqwest::get(format!("{base}/events")).await.unwrap();
    assert!(live.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    post(&format!("{base}/generate"), &body()).await;
    let first =
        tokio::time::timeout(Duration::from_secs(60), live.bytes_stream().next()).await.unwrap().unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("event: "), "{first:?}");
    let again =
        reqwest::get(format!("{base}/events?since=0")).await.unwrap().bytes_stream().next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&again).contains("id: 1\n"), "{again:?}");
}

#[tokio::test]
async fn what_another_model_of_the_namespace_does_is_not_told_as_this_one_s() {
    let harness = Harness::new().await;
    let other = ModelRoute { key: ModelKey::new("default", "other"), ..ready_route(&harness.data) };
    harness.announce.send_replace(Arc::new(RouteTable::new([ready_route(&harness.data), other])));
    let base = format!("{}/api/v1/genesis", harness.public().await);
    for model in ["default/other", "default/seedling"] {
        let mut request = body();
        (request["model"], request["task_id"]) = (json!(model), json!(model));
        request["prompt"] = json!(START.replace("integers", model));
        assert_eq!(post(&format!("{base}/generate"), &request).await.0, 200);
    }
    let patterns = get(&format!("{base}/patterns/top?model=default/seedling")).await.1;
    assert_eq!((patterns.as_array().unwrap().len(), &patterns[0]["task_id"]), (1, &json!("default/seedling")));
    let told = reqwest::get(format!("{base}/events?model=default/seedling&since=0")).await.unwrap();
    let mut chunks = told.bytes_stream();
    let mut text = String::new();
    while !text.contains("event: generation_recorded") {
        text.push_str(&String::from_utf8_lossy(&chunks.next().await.unwrap().unwrap()));
    }
    assert!(text.contains("default/seedling") && !text.contains("default/other"), "{text}");
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let harness = Harness::new().await;
    let url = format!("{}/readyz", harness.public().await);
    assert_eq!(get(&url).await.0, 200);
    let unready = crate::routing::testing::route(None);
    harness.announce.send_replace(Arc::new(RouteTable::new([unready])));
    let (status, readiness) = get(&url).await;
    assert_eq!(status, 503);
    assert_eq!(readiness["waiting_for"][0], "a ready inference pod of default/seedling");
    harness.announce.send_replace(Arc::default());
    assert_eq!(get(&url).await.1["waiting_for"], json!(["a GenesisModel"]));
}

#[tokio::test]
async fn without_a_model_requests_are_told_to_wait() {
    let harness = Harness::new().await;
    harness.announce.send_replace(Arc::default());
    let base = harness.public().await;
    let url = format!("{base}/api/v1/genesis/generate");
    assert_error(&post(&url, &body()).await, 503, "no_model");
    let response = reqwest::Client::new().post(&url).json(&body()).send().await.unwrap();
    assert!(response.headers().contains_key("retry-after"));
    assert!(reqwest::get(&base).await.unwrap().text().await.unwrap().contains("no GenesisModel yet"));
}

#[tokio::test]
async fn a_sandbox_that_is_down_is_told_and_not_counted() {
    let harness = Harness::new().await;
    *harness.sandbox.down.lock().unwrap() = true;
    let base = harness.public().await;
    assert_error(&post(&format!("{base}/api/v1/genesis/generate"), &body()).await, 503, "sandbox_unavailable");
    let statistics = get(&format!("{base}/api/v1/genesis/feedback/statistics")).await.1;
    assert_eq!((&statistics["failed"], &statistics["infra"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn without_an_operator_a_trigger_says_so() {
    let harness = Harness::new().await;
    let url = format!("{}/api/v1/genesis/improvement/trigger", harness.public().await);
    assert_error(&post(&url, &json!({})).await, 503, "operator_unavailable");
}

#[tokio::test]
async fn a_trigger_returns_the_id_of_the_training_job() {
    let improve = axum::routing::post(|headers: axum::http::HeaderMap| async move {
        assert_eq!(headers["authorization"], format!("Bearer {}", crate::testing::TOKEN));
        axum::Json(json!({ "trainingRun": "seedling-r2" }))
    });
    let busy =
        axum::routing::post(|| async { (StatusCode::CONFLICT, axum::Json(json!({ "message": "a run is active" }))) });
    let operator = axum::Router::new()
        .route("/internal/v1/models/default/seedling/improve", improve)
        .route("/busy/internal/v1/models/default/seedling/improve", busy);
    let operator = crate::testing::serve(operator).await;
    let harness = Harness::with(|config| config.operator_url = Some(operator.clone())).await;
    let url = |base: String| format!("{base}/api/v1/genesis/improvement/trigger");
    let (status, told) = post(&url(harness.public().await), &json!({})).await;
    assert_eq!((status.as_u16(), &told["job_id"]), (202, &json!("seedling-r2")));
    let refusing = Harness::with(|config| config.operator_url = Some(format!("{operator}/busy"))).await;
    let refused = post(&url(refusing.public().await), &json!({})).await;
    assert_error(&refused, 409, "trigger_refused");
    assert!(refused.1["message"].as_str().unwrap().contains("a run is active"));
}

#[tokio::test]
async fn what_the_operator_does_not_take_is_told_apart_from_what_it_refuses() {
    let answering = |status: StatusCode| axum::routing::post(move || async move { status });
    let silent = axum::routing::post(std::future::pending::<StatusCode>);
    let improve = "internal/v1/models/default/seedling/improve";
    let operator = axum::Router::new()
        .route(&format!("/401/{improve}"), answering(StatusCode::UNAUTHORIZED))
        .route(&format!("/404/{improve}"), answering(StatusCode::NOT_FOUND))
        .route(&format!("/500/{improve}"), answering(StatusCode::INTERNAL_SERVER_ERROR))
        .route(&format!("/silent/{improve}"), silent);
    let operator = crate::testing::serve(operator).await;
    for (path, status, code) in [
        ("401", 502, "operator_refused"),
        ("404", 502, "operator_refused"),
        ("500", 503, "operator_unavailable"),
        ("silent", 503, "operator_unavailable"),
    ] {
        let harness = Harness::with(|config| config.operator_url = Some(format!("{operator}/{path}"))).await;
        let url = format!("{}/api/v1/genesis/improvement/trigger", harness.public().await);
        assert_error(&post(&url, &json!({})).await, status, code);
    }
}

#[tokio::test]
async fn every_request_has_a_name_and_nothing_is_found_without_an_error() {
    let harness = Harness::new().await;
    let base = harness.public().await;
    let chosen =
        reqwest::Client::new().get(format!("{base}/nowhere")).header("x-request-id", "mine-1").send().await.unwrap();
    assert_eq!(chosen.headers()["x-request-id"], "mine-1");
    assert_eq!(chosen.json::<Value>().await.unwrap()["trace_id"], "mine-1");
    assert_error(&get(&format!("{base}/nowhere")).await, 404, "not_found");
    assert_error(&get(&format!("{base}/api/v1/genesis/generate")).await, 405, "method_not_allowed");
}

#[tokio::test]
async fn the_pages_describe_everything_and_load_nothing() {
    let harness = Harness::new().await;
    let base = harness.public().await;
    let document = get(&format!("{base}/openapi.json")).await.1;
    for path in [
        "/api/v1/genesis/improvement/status",
        "/api/v1/genesis/improvement/trigger",
        "/api/v1/genesis/feedback/statistics",
        "/api/v1/genesis/generate",
        "/api/v1/genesis/patterns/top",
        "/api/v1/genesis/learnings/recent",
        "/api/v1/genesis/events",
        "/v1/chat/completions",
        "/v1/models",
        "/healthz",
        "/readyz",
    ] {
        assert!(document["paths"][path].is_object(), "{path} is not documented");
    }
    post(&format!("{base}/api/v1/genesis/generate"), &body()).await;
    for (path, shows) in [("/docs", "use_patterns"), ("/", "default/seedling")] {
        let response = reqwest::get(format!("{base}{path}")).await.unwrap();
        assert!(response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        let page = response.text().await.unwrap();
        assert!(page.contains(shows) && !page.contains("http://") && !page.contains("https://"), "{page}");
    }
}
