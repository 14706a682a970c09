//! The operator against the in-process Kubernetes API: real watches, real writes, real HTTP from Jobs. Only the programs
//! in the pods, the gateway and the inference servers are played.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::time::{Duration, Instant};

use genesis_api::names::{Role, pod_selector};
use genesis_api::rollout::CompletionStatus;
use genesis_api::{Evaluation, GenesisModel, GenesisModelStatus, Rollout, TrainingRun};
use genesis_core::promotion::Verdict;
use genesis_minicluster::faults::FaultPlan;
use hack::faults::{Scenario, Stage};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_served_learns_and_is_promoted() {
    let stage = Stage::begin(Scenario::Promoted, FaultPlan::none()).await.unwrap();
    let model = model_with(&stage, |status| status.ready_replicas == 1).await;
    assert!(model.status.unwrap().current_adapter.is_none(), "the base answers first");

    stage.gateway.learn(500);
    let promoted = |status: &GenesisModelStatus| status.current_adapter.is_some() && status.updated_replicas == 1;
    let champion = model_with(&stage, promoted).await.status.unwrap().current_adapter.unwrap();
    let ended = |rollout: &Rollout| rollout.is_finished();
    let end = stage.wait("coder-r1", ended).await.unwrap().status.unwrap();
    assert_eq!(end.completion_status, Some(CompletionStatus::Promoted));
    assert_eq!(end.served_digest.as_ref(), Some(&champion.adapter.digest));
    let evaluation: Evaluation = stage.wait("coder-r1", |_| true).await.unwrap();
    assert_eq!(evaluation.status.unwrap().verdict, Some(Verdict::Pass));
    let run: TrainingRun = stage.wait("coder-r1", |_| true).await.unwrap();
    assert_eq!(run.status.unwrap().adapter.map(|it| it.adapter.digest), Some(champion.adapter.digest.clone()));
    assert!(stage.inference.has(&champion.name, &champion.adapter.digest), "what is served is what was trained");
    for reason in ["TrainingTriggered", "TrainingCompleted", "Judged", "CanaryStarted", "CandidatePromoted", "Promoted"]
    {
        event(&stage, reason).await;
    }

    // A pod that restarts has lost the adapter; it is loaded and proved again.
    stage.inference.forget();
    let pods = Api::<Pod>::namespaced(stage.client.clone(), "default");
    let serving = ListParams::default().labels(&pod_selector("coder", Role::Serving));
    pods.delete_collection(&DeleteParams::default().grace_period(0), &serving).await.unwrap();
    until("the adapter is loaded again", async || stage.inference.has(&champion.name, &champion.adapter.digest)).await;
    model_with(&stage, |status| status.updated_replicas == 1).await;
    stage.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_collected_when_their_time_is_over() {
    let stage = Stage::begin(Scenario::Promoted, FaultPlan::none()).await.unwrap();
    stage.gateway.learn(500);
    stage.wait("coder-r1", |rollout: &Rollout| rollout.is_finished()).await.unwrap();
    let jobs = Api::<Job>::namespaced(stage.client.clone(), "default");
    let gone = async || jobs.list(&ListParams::default()).await.is_ok_and(|jobs| jobs.items.is_empty());
    until("all Jobs are gone", gone).await;
    stage.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worse_candidate_is_rejected_and_the_model_stays_ready() {
    let stage = Stage::begin(Scenario::Rejected, FaultPlan::none()).await.unwrap();
    stage.gateway.learn(500);
    let status = model_with(&stage, |status| !status.history.is_empty()).await.status.unwrap();
    assert_eq!((status.history[0].outcome.to_string(), status.consecutive_rejections), ("Rejected".to_owned(), 1));
    assert!(status.current_adapter.is_none());
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!(ready.status, "True", "a rejection is an everyday result");
    stage.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_for_its_own_object_only() {
    let stage = Stage::begin(Scenario::Promoted, FaultPlan::none()).await.unwrap();
    stage.gateway.learn(500);
    let run: TrainingRun = stage.wait("coder-r1", |_| true).await.unwrap();
    let started = json!({ "event": "started", "total_steps": 1, "resumed_from": 0 }).to_string();
    for token in [String::new(), "0".repeat(64), run.metadata.uid.unwrap()] {
        assert_eq!(post(&stage, "trainingruns/default/coder-r1", &token, &started).await.0, 401);
    }
    // Who has no token is not read; who has it is told what is wrong, as everything here is told.
    let bad = "{ \"event\": ";
    assert_eq!(post(&stage, "trainingruns/default/coder-r1", "00", bad).await.0, 401);
    let token = token(&stage, "coder-r1-train-report-").await;
    let (status, answer) = post(&stage, "trainingruns/default/coder-r1", &token, bad).await;
    assert_eq!(status, 400);
    assert!(answer["message"].as_str().is_some_and(|why| why.contains("JSON")), "{answer}");
    assert_eq!(post(&stage, "trainingruns/default/no-such-run", "00", &started).await.0, 401, "names are not told");
    assert_eq!(post(&stage, "surprises/default/coder-r1", "00", &started).await.0, 404);
    stage.end().await.unwrap();
}

async fn model_with(stage: &Stage, like: impl Fn(&GenesisModelStatus) -> bool) -> GenesisModel {
    stage.wait("coder", |model: &GenesisModel| model.status.as_ref().is_some_and(&like)).await.unwrap()
}

/// Events are written after the status that they tell of.
async fn event(stage: &Stage, reason: &str) {
    let events = Api::<Event>::namespaced(stage.client.clone(), "default");
    let told = async || {
        let found = events.list(&ListParams::default()).await.unwrap();
        found.iter().any(|event| event.reason.as_deref() == Some(reason))
    };
    until(reason, told).await;
}

async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !reached().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The token in the Secret whose name begins like this, once it is there.
async fn token(stage: &Stage, prefix: &str) -> String {
    let secrets = Api::<Secret>::namespaced(stage.client.clone(), "default");
    let mut token = None;
    let found = async || {
        let all = secrets.list(&ListParams::default()).await.unwrap();
        let secret = all.items.into_iter().find(|secret| secret.name_any().starts_with(prefix));
        token = secret.and_then(|secret| secret.data?.remove("token"));
        token.is_some()
    };
    until(prefix, found).await;
    String::from_utf8(token.unwrap().0).unwrap()
}

/// Posts a body in an event's place; HTTP status and body of the answer.
async fn post(stage: &Stage, path: &str, token: &str, body: &str) -> (u16, Value) {
    let url = format!("http://{}/internal/v1/jobs/{path}", stage.operator);
    let request = reqwest::Client::new().post(url).bearer_auth(token).header("content-type", "application/json");
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}
