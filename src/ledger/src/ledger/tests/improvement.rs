//! Datasets, adapters, evaluations, promotions: each once by name.

use genesis_core::AdapterRef;
use genesis_core::wire::{ArtifactRef, DatasetSnapshot, Recipe};

use super::*;
use crate::types::event::EventBody;
use crate::types::improvement::{NewAdapter, NewDataset, NewEvaluation, NewPromotion, TrainingWatermark};

fn artifact(seed: &str) -> ArtifactRef {
    ArtifactRef { uri: format!("file:///{seed}"), digest: adapter(seed) }
}

fn adapter_ref(seed: &str) -> AdapterRef {
    AdapterRef { uri: format!("file:///{seed}"), digest: adapter(seed) }
}

fn dataset(name: &str, rows: u64) -> NewDataset {
    let snapshot = DatasetSnapshot { dataset: artifact(name), rows, tasks: 3, watermark: 7 };
    let name = name.to_owned();
    NewDataset {
        scope: scope(),
        name,
        recipe: Recipe::Verified,
        seed: u64::MAX,
        max_per_task: 4,
        watermark: None,
        snapshot,
        at_ms: 5,
    }
}

#[tokio::test]
async fn a_dataset_is_frozen_once_whatever_is_learned_later() {
    let (_folder, ledger) = ledger().await;
    assert_eq!(ledger.dataset(&scope(), "run-1").await.unwrap(), None);
    let first = ledger.freeze_dataset(dataset("run-1", 10)).await.unwrap();
    assert_eq!(ledger.freeze_dataset(dataset("run-1", 99)).await.unwrap(), first, "of two that race, the first");
    assert_eq!(ledger.dataset(&scope(), "run-1").await.unwrap(), Some(first));
    let other = NewDataset { seed: 1, ..dataset("run-1", 10) };
    assert!(ledger.freeze_dataset(other).await.unwrap_err().to_string().contains("choose a new name"));
    assert_eq!(ledger.head().await.unwrap(), 1, "one event");
}

#[tokio::test]
async fn the_rest_is_recorded_once_and_told_once() {
    let (_folder, ledger) = ledger().await;
    for _ in 0..2 {
        let new = NewAdapter {
            scope: scope(),
            adapter: adapter_ref("a"),
            training_run: "run-1".into(),
            dataset: Some("run-1".into()),
            at_ms: 1,
        };
        ledger.record_adapter(new).await.unwrap();
        let new = NewEvaluation {
            scope: scope(),
            name: "eval-1".into(),
            candidate: adapter_ref("a"),
            champion: None,
            verdict: "Pass".into(),
            report: artifact("report"),
            at_ms: 2,
        };
        ledger.record_evaluation(new).await.unwrap();
        let new = NewPromotion {
            scope: scope(),
            name: "rollout-1".into(),
            adapter: Some(adapter_ref("a")),
            previous: None,
            phase: "Promoted".into(),
            at_ms: 3,
        };
        ledger.record_promotion(new).await.unwrap();
    }
    let events = ledger.events_after(0, 100).await.unwrap();
    assert_eq!(events.len(), 3);
    assert!(
        matches!(&events[2].body, EventBody::ChampionChanged { adapter: Some(new), .. } if *new == adapter_ref("a"))
    );
    assert_eq!(ledger.feedback_statistics("acme", None).await.unwrap().adapters, 1);
    let json = serde_json::to_value(&events[1]).unwrap();
    assert_eq!(
        (&json["type"], &json["sequence"], &json["verdict"]),
        (&"evaluation_recorded".into(), &2.into(), &"Pass".into())
    );
}

#[tokio::test]
async fn the_training_watermark_never_moves_back() {
    let (_folder, ledger) = ledger().await;
    assert_eq!(ledger.training_watermark(&scope()).await.unwrap(), TrainingWatermark::default());
    for (watermark, at_ms) in [(10, 100), (5, 50), (12, 90)] {
        ledger.advance_training_watermark(&scope(), watermark, at_ms).await.unwrap();
    }
    let want = TrainingWatermark { watermark: 12, trained_at_ms: Some(100) };
    assert_eq!(ledger.training_watermark(&scope()).await.unwrap(), want);
}
