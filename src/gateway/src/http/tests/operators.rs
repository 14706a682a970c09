use genesis_artifacts::Store;
use genesis_client::GatewayClient;
use genesis_core::wire::{DatasetRequest, DatasetRow, Recipe};

use super::*;
use crate::routing::testing::{adapter, canary};
use crate::routing::{ModelRoute, RouteTable};
use crate::testing::{Harness, TOKEN, ready_route};

async fn client(harness: &Harness) -> GatewayClient {
    GatewayClient::new(reqwest::Client::new(), &harness.internal().await, TOKEN)
}

fn dataset(name: &str) -> DatasetRequest {
    DatasetRequest { name: name.into(), recipe: Recipe::Verified, seed: 7, max_per_task: 4, watermark: None }
}

async fn generate(harness: &Harness, base: &str, task: &str) -> Value {
    let mut body = body();
    body["task_id"] = json!(task);
    body["prompt"] = json!(START.replace("integers", &format!("integers ({task})")));
    let answer = post(&format!("{base}/api/v1/genesis/generate"), &body).await.1;
    harness.settle().await;
    answer
}

#[tokio::test]
async fn without_the_service_token_nothing_is_told() {
    let harness = Harness::new().await;
    let url = format!("{}/internal/v1/routes", harness.internal().await);
    assert_error(&get(&url).await, 401, "unauthorized");
    assert_error(&told(reqwest::Client::new().get(&url).bearer_auth("wrong")).await, 401, "unauthorized");
    assert_eq!(told(reqwest::Client::new().get(&url).bearer_auth(TOKEN)).await.0, 200);
}

#[tokio::test]
async fn the_operator_s_endpoints_are_not_public() {
    let harness = Harness::new().await;
    assert_error(&get(&format!("{}/internal/v1/routes", harness.public().await)).await, 404, "not_found");
}

#[tokio::test]
async fn learning_is_counted_after_a_watermark() {
    let harness = Harness::new().await;
    let (base, operator) = (harness.public().await, client(&harness).await);
    harness.model.says("    return 1\n");
    generate(&harness, &base, "t1").await;
    let first = operator.learning("default", "seedling", 0).await.unwrap();
    assert_eq!((first.total, first.new, first.executions), (1, 1, 1));
    assert_eq!(operator.learning("default", "seedling", first.watermark).await.unwrap().new, 0);
}

#[tokio::test]
async fn a_dataset_is_frozen_once_for_each_training_run() {
    let harness = Harness::new().await;
    let (base, operator) = (harness.public().await, client(&harness).await);
    let refused = operator.freeze_dataset("default", "seedling", &dataset("empty")).await.unwrap_err();
    assert_eq!(refused.status(), Some(409));
    for task in ["t1", "t2"] {
        generate(&harness, &base, task).await;
    }
    let frozen = operator.freeze_dataset("default", "seedling", &dataset("run-1")).await.unwrap();
    assert_eq!((frozen.rows, frozen.tasks), (2, 2));
    let bytes = Store::read(&frozen.dataset.uri, &frozen.dataset.digest).unwrap();
    let rows: Vec<DatasetRow> =
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.iter().all(|row| row.answer == "    return len(xs)\n"
        && row.prompt.starts_with("def solve")
        && row.family == "count"));
    generate(&harness, &base, "t3").await;
    assert_eq!(operator.freeze_dataset("default", "seedling", &dataset("run-1")).await.unwrap(), frozen);
    assert_eq!(operator.freeze_dataset("default", "seedling", &dataset("run-2")).await.unwrap().rows, 3);
    let other = DatasetRequest { seed: 8, ..dataset("run-1") };
    assert_eq!(operator.freeze_dataset("default", "seedling", &other).await.unwrap(), frozen, "the name decides");
    let unknown = operator.freeze_dataset("default", "nobody", &dataset("x")).await.unwrap_err();
    assert_eq!(unknown.status(), Some(404));
}

#[tokio::test]
async fn arms_routes_and_reverts_follow_the_adapter() {
    let harness = Harness::new().await;
    let (base, operator) = (harness.public().await, client(&harness).await);
    let on_trial = canary(100, "r");
    let name = on_trial.served.name.clone();
    harness.announce.send_replace(std::sync::Arc::new(RouteTable::new([ModelRoute {
        canary: Some(on_trial),
        ..ready_route(&harness.data)
    }])));
    let routes = operator.routes().await.unwrap();
    assert_eq!((routes[0].canary.as_deref(), routes[0].canary_weight), (Some(name.as_str()), 100));
    let answer = generate(&harness, &base, "t1").await;
    assert_eq!((answer["arm"].as_str(), answer["served_name"].as_str()), (Some("canary"), Some(name.as_str())));
    let arms = operator.arms("default", "seedling", 0).await.unwrap();
    assert_eq!((arms[0].served_name.as_str(), arms[0].requests, arms[0].passed), (name.as_str(), 1, 1));
    assert!(operator.arms("default", "seedling", i64::MAX).await.unwrap().is_empty());
    operator.revert("default", "seedling", &adapter("candidate").digest).await.unwrap();
    assert_eq!(operator.learning("default", "seedling", 0).await.unwrap().verified_rows, 0);
}

#[tokio::test]
async fn prometheus_reads_the_product_s_numbers_from_the_ledger() {
    let harness = Harness::new().await;
    let base = harness.public().await;
    generate(&harness, &base, "t1").await;
    let text = reqwest::get(format!("{}/metrics", harness.metrics().await)).await.unwrap().text().await.unwrap();
    for line in [
        "genesis_total_cycles{model=\"default/seedling\"} 1",
        "genesis_success_rate{model=\"default/seedling\"} 1.0",
        "genesis_learnings_captured{model=\"default/seedling\"} 0",
        "genesis_patterns_confidence_avg{model=\"default/seedling\"} 0.5",
        "genesis_training_runs{model=\"default/seedling\"} 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    for name in [
        "genesis_quality_score_avg",
        "genesis_model_quality",
        "genesis_stage_seconds_bucket{",
        "genesis_http_requests_total{",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
}
