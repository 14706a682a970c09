//! The verbs against the in-process Kubernetes API, with the real definitions: what is written must be what the schema
//! and its rules take.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "cluster/stage.rs"]
mod stage;

use genesis_api::names::{APPROVED_ANNOTATION, HELD_ANNOTATION, IMPROVE_ANNOTATION};
use genesis_api::rollout::DesiredOutcome;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_kubectl::Ending;
use kube::ResourceExt;
use serde_json::json;
use stage::{Stage, adapter};

#[tokio::test]
async fn a_rollout_is_paused_resumed_promoted_and_aborted() {
    let stage = Stage::begin().await;
    stage.rollout("coder-r1").await;
    let active = json!({ "activeRollout": "coder-r1" });
    stage.status::<GenesisModel>("coder", active).await;

    for _ in 0..2 {
        stage.run("pause rollout/coder-r1").await.unwrap();
        assert!(stage.get::<Rollout>("coder-r1").await.spec.paused);
    }
    stage.run("promote coder").await.unwrap();
    assert!(!stage.get::<Rollout>("coder-r1").await.spec.paused, "promote lets a paused rollout go on");
    stage.run("resume gro coder-r1").await.unwrap();
    stage.run("promote coder --full").await.unwrap();
    assert_eq!(stage.get::<Rollout>("coder-r1").await.spec.desired_outcome, DesiredOutcome::Promote);
    stage.run("abort coder").await.unwrap();
    assert_eq!(stage.get::<Rollout>("coder-r1").await.spec.desired_outcome, DesiredOutcome::Abort);
    let (_, again) = stage.run("abort coder-r1 -o json").await.unwrap();
    assert_eq!(stage::json(&again)["changed"], false);
    let refusal = stage.run("promote coder-r1 --full").await.unwrap_err();
    assert!(refusal.contains("cannot be taken back"), "{refusal}");
}

#[tokio::test]
async fn the_loop_of_a_model_is_held_and_let_go_on() {
    let stage = Stage::begin().await;
    stage.run("pause coder").await.unwrap();
    assert!(stage.get::<GenesisModel>("coder").await.spec.suspend);
    let refusal = stage.run("retry coder").await.unwrap_err();
    assert!(refusal.contains("kubectl genesis resume coder"), "{refusal}");
    stage.run("resume model coder").await.unwrap();
    assert!(!stage.get::<GenesisModel>("coder").await.spec.suspend);

    stage.training_run("coder-r1", json!({ "suspend": true }), &[(HELD_ANNOTATION, "true")]).await;
    let refusal = stage.run("resume trainingrun/coder-r1").await.unwrap_err();
    assert!(refusal.contains("resume model/coder"), "{refusal}");
    stage.run("pause trainingrun/coder-r1").await.unwrap();
    let run: TrainingRun = stage.get("coder-r1").await;
    assert!(run.spec.suspend && !run.annotations().contains_key(HELD_ANNOTATION), "the hold is a person's now");
    stage.run("resume trainingrun/coder-r1").await.unwrap();
    assert!(!stage.get::<TrainingRun>("coder-r1").await.spec.suspend);
}

#[tokio::test]
async fn a_rollback_pins_and_unpins() {
    let stage = Stage::begin().await;
    let refusal = stage.run("rollback coder").await.unwrap_err();
    assert!(refusal.contains("nothing before it"), "{refusal}");
    stage.status::<GenesisModel>("coder", stage::two_champions()).await;
    stage.run("rollback coder").await.unwrap();
    let pinned = |model: GenesisModel| model.spec.pinned_adapter.map(|pinned| pinned.digest.to_string());
    assert_eq!(pinned(stage.get("coder").await), Some(stage::digest('a')));
    stage.run("rollback coder").await.unwrap();
    assert_eq!(pinned(stage.get("coder").await), Some(stage::digest('a')), "twice is once");
    stage.run("rollback coder --to 2").await.unwrap();
    assert_eq!(pinned(stage.get("coder").await), Some(stage::digest('b')));
    stage.run("rollback coder --unpin").await.unwrap();
    assert_eq!(pinned(stage.get("coder").await), None);
}

#[tokio::test]
async fn a_passed_candidate_is_approved_and_another_turn_asked_for() {
    let stage = Stage::begin().await;
    stage.evaluation("coder-r3", json!({ "phase": "Complete", "verdict": "Pass" })).await;
    stage.status::<GenesisModel>("coder", stage::awaiting_approval(3)).await;
    stage.run("promote coder").await.unwrap();
    let evaluation: Evaluation = stage.get("coder-r3").await;
    assert_eq!(evaluation.annotations().get(APPROVED_ANNOTATION).map(String::as_str), Some("true"));

    stage.run("retry coder").await.unwrap();
    let model: GenesisModel = stage.get("coder").await;
    assert_eq!(model.annotations().get(IMPROVE_ANNOTATION).map(String::as_str), Some("4"));
}

#[tokio::test]
async fn children_that_failed_are_copied() {
    let stage = Stage::begin().await;
    stage.training_run("coder-r1", json!({ "seed": 5 }), &[]).await;
    stage.status::<TrainingRun>("coder-r1", json!({ "phase": "Failed", "message": "OutOfMemory" })).await;
    for _ in 0..2 {
        stage.run("retry trainingrun/coder-r1").await.unwrap();
        let copy: TrainingRun = stage.get("coder-r1-retry-1").await;
        assert_eq!((copy.spec.seed, copy.status.is_none()), (5, true));
    }
    assert!(stage.run("explain run coder-r1-retry-2").await.is_err(), "an unfinished copy is enough");

    stage.rollout("coder-r2").await;
    let off = json!({ "phase": "Ended", "completionStatus": "RolledBack", "endingReason": "Harm", "message": "worse" });
    stage.status::<Rollout>("coder-r2", off).await;
    stage.run("retry rollout/coder-r2").await.unwrap();
    let copy: Rollout = stage.get("coder-r2-retry-1").await;
    assert_eq!(serde_json::to_value(copy.spec.candidate).unwrap(), adapter('c'));
}

#[tokio::test]
async fn what_is_there_is_shown_and_explained() {
    let stage = Stage::begin().await;
    stage.rollout("coder-r1").await;
    stage.status::<GenesisModel>("coder", stage::two_champions()).await;
    let (_, tree) = stage.run("get").await.unwrap();
    assert!(tree.contains("coder") && tree.contains("──coder-r1"), "{tree}");
    assert_eq!(stage.run("get model coder").await.unwrap().1, tree);
    let (_, names) = stage.run("get coder -o name -A").await.unwrap();
    assert_eq!(names, "genesismodel.genesis.truth.si/coder\nrollout.genesis.truth.si/coder-r1\n");
    let (_, list) = stage.run("list -o json").await.unwrap();
    assert_eq!(stage::json(&list)["items"][0]["metadata"]["name"], "coder");
    let (_, why) = stage.run("explain model coder -o yaml").await.unwrap();
    assert!(why.contains("name: not suspended"), "{why}");
    for (line, expected) in [
        ("get writer", "there is no GenesisModel writer"),
        ("status writer", "nothing of Genesis is called writer"),
        ("explain evaluation x", "there is no Evaluation x in namespace team; `kubectl get evaluations -A`"),
        ("abort coder", "has no Rollout under way; `kubectl genesis pause coder`"),
        ("promote coder", "no candidate awaits approval"),
    ] {
        let refusal = stage.run(line).await.unwrap_err();
        assert!(refusal.contains(expected), "{line}: {refusal}");
    }
}

#[tokio::test]
async fn status_watches_until_it_is_settled_and_tells_of_a_failure() {
    let stage = Stage::begin().await;
    stage.rollout("coder-r1").await;
    let late = stage.run("status rollout/coder-r1 --watch --timeout 100ms").await.unwrap_err();
    assert!(late.contains("is still New"), "{late}");
    let canary =
        json!({ "phase": "Progressing", "message": "m", "weights": { "canary": 10, "stable": 90, "verified": true } });
    let worse = json!({ "phase": "Ended", "completionStatus": "RolledBack", "message": "worse" });
    let watching = stage.run("status gro/coder-r1 --watch --timeout 30s");
    let changing = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        stage.status::<Rollout>("coder-r1", canary).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        stage.status::<Rollout>("coder-r1", worse).await;
    };
    let (watched, ()) = tokio::join!(watching, changing);
    let (ending, text) = watched.unwrap();
    assert_eq!(ending, Ending::Badly);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].contains("Progressing  10 %") && lines[2].contains("✖ Rolled back  worse"), "{text}");
}

#[tokio::test]
async fn an_installation_is_checked() {
    let stage = Stage::begin().await;
    stage.status::<GenesisModel>("coder", stage::two_champions()).await;
    let (ending, text) = stage.run("check").await.unwrap();
    assert_eq!(ending, Ending::Well, "{text}");
    assert!(text.contains("✔ CRD Rollout") && text.contains("model team/coder"), "{text}");
    let bare = Stage::bare();
    let (ending, text) = bare.run("check -o json").await.unwrap();
    assert_eq!(ending, Ending::Badly, "{text}");
    assert_eq!(stage::json(&text)["checks"][0]["numbers"], "is not installed");
    let refusal = bare.run("list").await.unwrap_err();
    assert!(refusal.contains("install the definitions"), "{refusal}");
}

#[tokio::test]
async fn files_are_linted_without_a_cluster() {
    let stage = Stage::bare();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    std::fs::write(
        &file,
        "apiVersion: genesis.truth.si/v1alpha1\nkind: Rollout\nmetadata: { name: x }\nspec:\n  steps: 1\n",
    )
    .unwrap();
    let (ending, text) = stage.run(&format!("lint -f {}", file.display())).await.unwrap();
    assert_eq!(ending, Ending::Badly);
    assert!(text.contains("m.yaml:5: error: spec.steps: must be of type array"), "{text}");
    for line in ["completion bash", "completion zsh", "completion fish", "version -o json"] {
        assert!(stage.run(line).await.unwrap().1.contains("genesis"), "{line}");
    }
}
