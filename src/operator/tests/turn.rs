//! The operator against the in-process Kubernetes API: real watches, real writes, real HTTP from Jobs. Only the programs
//! in the pods, the gateway and the inference servers are played.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

#[path = "../src/rollout/testing.rs"]
mod arms;
#[path = "../src/evaluation/testing.rs"]
mod evaluations;
#[path = "turn/gateway.rs"]
mod gateway;
#[path = "turn/inference.rs"]
mod inference;
#[path = "turn/node.rs"]
mod node;
#[path = "turn/stage.rs"]
mod stage;

use genesis_api::names::Role;
use genesis_api::rollout::CompletionStatus;
use genesis_core::promotion::Verdict;
use stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_served_learns_and_is_promoted() {
    let stage = Stage::begin(0.3).await;
    let model = stage.model_with(|status| status.ready_replicas == 1).await;
    assert!(model.status.expect("a status").current_adapter.is_none(), "the base answers first");

    stage.gateway.learn(500);
    let model = stage.model_with(|status| status.current_adapter.is_some() && status.updated_replicas == 1).await;
    let status = model.status.expect("a status");
    let champion = status.current_adapter.expect("a champion");

    let rollout = stage.rollout("coder-r1", |status| status.completion_status.is_some()).await;
    let end = rollout.status.expect("a status");
    assert_eq!(end.completion_status, Some(CompletionStatus::Promoted));
    assert_eq!(end.served_digest.as_ref(), Some(&champion.adapter.digest));
    stage.no_jobs().await;
    let evaluation = stage.evaluation("coder-r1").await.status.expect("a status");
    assert_eq!(evaluation.verdict, Some(Verdict::Pass));
    let run = stage.run("coder-r1").await.status.expect("a status");
    assert_eq!(run.adapter.map(|trained| trained.adapter.digest), Some(champion.adapter.digest.clone()));
    assert!(stage.inference.has(&champion.name, &champion.adapter.digest), "what is served is what was trained");
    for reason in ["TrainingTriggered", "TrainingCompleted", "Judged", "CanaryStarted", "CandidatePromoted", "Promoted"]
    {
        stage.event(reason).await;
    }

    // A pod that restarts has lost the adapter; it is loaded and proved again.
    stage.inference.forget();
    stage.restart(Role::Serving).await;
    for _ in 0..200 {
        if stage.inference.has(&champion.name, &champion.adapter.digest) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(stage.inference.has(&champion.name, &champion.adapter.digest));
    stage.model_with(|status| status.updated_replicas == 1).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worse_candidate_is_rejected_and_the_model_stays_ready() {
    let stage = Stage::begin(-0.3).await;
    stage.gateway.learn(500);
    let model = stage.model_with(|status| !status.history.is_empty()).await;
    let status = model.status.expect("a status");
    assert_eq!((status.history[0].outcome.to_string(), status.consecutive_rejections), ("Rejected".to_owned(), 1));
    assert!(status.current_adapter.is_none());
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").expect("Ready");
    assert_eq!(ready.status, "True", "a rejection is an everyday result");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_for_its_own_object_only() {
    let stage = Stage::begin(0.3).await;
    stage.gateway.learn(500);
    let run = stage.run("coder-r1").await;
    let uid = run.metadata.uid.expect("a uid");
    for token in [String::new(), "0".repeat(64), uid] {
        assert_eq!(stage.report("trainingruns", "coder-r1", &token).await, 401);
    }
    // Who has no token is not read; who has it is told what is wrong, as everything here is told.
    let bad = "{ \"event\": ";
    assert_eq!(stage.post("trainingruns", "coder-r1", "00", bad).await.0, 401);
    let token = stage.token("coder-r1-train-report").await;
    let (status, answer) = stage.post("trainingruns", "coder-r1", &token, bad).await;
    assert_eq!(status, 400);
    assert!(answer["message"].as_str().is_some_and(|why| why.contains("JSON")), "{answer}");
    assert_eq!(stage.report("trainingruns", "no-such-run", "00").await, 401, "names are not given away");
    assert_eq!(stage.report("surprises", "coder-r1", "00").await, 404);
    stage.end().await;
}
