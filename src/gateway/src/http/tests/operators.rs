use genesis_artifacts::Store;
use genesis_client::GatewayClient;
use genesis_core::promotion::Verdict;
use genesis_core::wire::{
    AdapterRecord, ArtifactRef, ChampionChange, DatasetRequest, DatasetRow, EvaluationRecord, PromotionRecord, Recipe,
};

use super::*;
use crate::app::scope;
use crate::routing::testing::{adapter, canary};
use crate::routing::{ModelRoute, RouteTable};
use crate::testing::{Harness, TOKEN, ready_route};

async fn client(harness: &Harness) -> GatewayClient {
    GatewayClient::new(reqwest::Client::new(), &harness.internal().await, TOKEN)
}

fn dataset(name: &str) -> DatasetRequest {
    let (name, uid) = (name.into(), "first".into());
    DatasetRequest { name, uid, recipe: Recipe::Verified, seed: 7, max_per_task: 4, watermark: None }
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
async fn an_operator_that_has_lost_the_lead_changes_nothing() {
    let harness = Harness::new().await;
    let (old, new) = (client(&harness).await, client(&harness).await);
    old.fence(1);
    old.revert("default", "seedling", &adapter("x").digest).await.unwrap();
    new.fence(2);
    new.revert("default", "seedling", &adapter("x").digest).await.unwrap();
    let refused = old.revert("default", "seedling", &adapter("x").digest).await.unwrap_err();
    assert!(refused.to_string().contains("409") && refused.to_string().contains("has lost the lead"), "{refused}");
    assert!(old.learning("default", "seedling", 0).await.is_ok(), "it may read");
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
    let taken = operator.freeze_dataset("default", "seedling", &other).await.unwrap_err();
    assert!(taken.status() == Some(409) && taken.to_string().contains("dataset_name_taken"), "{taken}");
    let again = DatasetRequest { uid: "second".into(), ..dataset("run-1") };
    let again = operator.freeze_dataset("default", "seedling", &again).await.unwrap();
    assert_eq!((again.rows, frozen.rows), (3, 2), "a run made again under the same name is another run");
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
async fn what_became_of_an_adapter_is_recorded_once() {
    let harness = Harness::new().await;
    let operator = client(&harness).await;
    let (candidate, uid) = (adapter("candidate"), "u".to_owned());
    let report = ArtifactRef { uri: "file:///report".into(), digest: candidate.digest.clone() };
    for _ in 0..2 {
        let record = AdapterRecord { adapter: candidate.clone(), training_run: "r1".into(), dataset: None };
        operator.record_adapter("default", "seedling", &record).await.unwrap();
        let record = EvaluationRecord {
            name: "r1".into(),
            uid: uid.clone(),
            candidate: candidate.clone(),
            champion: None,
            verdict: Verdict::Pass,
            report: report.clone(),
        };
        operator.record_evaluation("default", "seedling", &record).await.unwrap();
        let record = PromotionRecord {
            name: "r1".into(),
            uid: uid.clone(),
            change: ChampionChange::Promoted,
            adapter: Some(candidate.clone()),
            previous: None,
        };
        operator.record_promotion("default", "seedling", &record).await.unwrap();
    }
    assert_eq!(harness.app.pipeline.ledger.head().await.unwrap(), 3, "each is told once");
    let statistics = harness.app.pipeline.ledger.feedback_statistics(&scope(&harness.route().key)).await.unwrap();
    assert_eq!(statistics.adapters, 1);
}

#[tokio::test]
async fn a_path_or_body_that_cannot_be_read_has_the_usual_error() {
    let harness = Harness::new().await;
    let base = format!("{}/internal/v1/models", harness.internal().await);
    let asked = |url: String| told(reqwest::Client::new().get(url).bearer_auth(TOKEN));
    assert_error(&asked(format!("{base}/default/%FF/learning")).await, 400, "invalid_path");
    assert_error(&asked(format!("{base}/default/seedling/learning?since=x")).await, 422, "invalid_query");
    let body = reqwest::Client::new().post(format!("{base}/default/seedling/promotions")).bearer_auth(TOKEN).body("{");
    assert_error(&told(body).await, 400, "malformed_json");
}

#[tokio::test]
async fn a_dataset_s_rows_are_counted_as_its_model_bounds_them() {
    let harness = Harness::new().await;
    let (base, operator) = (harness.public().await, client(&harness).await);
    for extra in 0..3 {
        harness
            .model
            .answers(move |request| Ok(vec![format!("    n = {extra}\n    return len(xs)\n"); request.n as usize]));
        assert_eq!(post(&format!("{base}/api/v1/genesis/generate"), &body()).await.1["verified"], true);
    }
    assert_eq!(operator.learning("default", "seedling", 0).await.unwrap().verified_rows, 3);
    let bounded = ModelRoute { max_per_task: 2, ..ready_route(&harness.data) };
    harness.announce.send_replace(std::sync::Arc::new(RouteTable::new([bounded])));
    assert_eq!(operator.learning("default", "seedling", 0).await.unwrap().verified_rows, 2);
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
