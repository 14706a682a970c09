//! Datasets, adapters, evaluations, promotions: each once by name.

use genesis_core::AdapterRef;
use genesis_core::promotion::Verdict;
use genesis_core::wire::{
    AdapterRecord, ArtifactRef, ChampionChange, DatasetRequest, DatasetSnapshot, EvaluationRecord, PromotionRecord,
    Recipe,
};

use super::*;
use crate::error::LedgerError;
use crate::types::event::EventBody;

fn artifact(seed: &str) -> ArtifactRef {
    ArtifactRef { uri: format!("file:///{seed}"), digest: adapter(seed) }
}

fn adapter_ref(seed: &str) -> AdapterRef {
    AdapterRef { uri: format!("file:///{seed}"), digest: adapter(seed) }
}

fn request(name: &str) -> DatasetRequest {
    let (name, uid) = (name.to_owned(), "first".to_owned());
    DatasetRequest { name, uid, recipe: Recipe::Verified, seed: u64::MAX, max_per_task: 4, watermark: None }
}

fn snapshot(rows: u64) -> DatasetSnapshot {
    DatasetSnapshot { dataset: artifact("dataset"), rows, tasks: 3, watermark: 7 }
}

#[tokio::test]
async fn a_dataset_is_frozen_once_whatever_is_learned_later() {
    let (_folder, ledger) = ledger().await;
    assert_eq!(ledger.dataset(&scope(), &request("run-1")).await.unwrap(), None);
    let first = ledger.freeze_dataset(&scope(), request("run-1"), snapshot(10), 5).await.unwrap();
    let second = ledger.freeze_dataset(&scope(), request("run-1"), snapshot(99), 5).await.unwrap();
    assert_eq!(second, first, "of two that race, the first");
    assert_eq!(ledger.dataset(&scope(), &request("run-1")).await.unwrap(), Some(first));
    assert_eq!(ledger.head().await.unwrap(), 1, "one event");
}

#[tokio::test]
async fn a_known_name_with_other_parameters_is_refused() {
    let (_folder, ledger) = ledger().await;
    ledger.freeze_dataset(&scope(), request("run-1"), snapshot(10), 5).await.unwrap();
    for other in [
        DatasetRequest { seed: 1, ..request("run-1") },
        DatasetRequest { recipe: Recipe::Shuffled, ..request("run-1") },
        DatasetRequest { max_per_task: 5, ..request("run-1") },
        DatasetRequest { watermark: Some(1), ..request("run-1") },
    ] {
        let refused = ledger.dataset(&scope(), &other).await.unwrap_err();
        assert!(matches!(&refused, LedgerError::DatasetTaken { name } if name == "run-1"), "{refused}");
        assert!(ledger.freeze_dataset(&scope(), other, snapshot(10), 5).await.is_err());
    }
}

#[tokio::test]
async fn a_run_that_is_made_again_under_its_name_gets_its_own_dataset() {
    let (_folder, ledger) = ledger().await;
    ledger.freeze_dataset(&scope(), request("run-1"), snapshot(10), 5).await.unwrap();
    let again = DatasetRequest { uid: "second".into(), ..request("run-1") };
    assert_eq!(ledger.dataset(&scope(), &again).await.unwrap(), None);
    assert_eq!(ledger.freeze_dataset(&scope(), again, snapshot(3), 6).await.unwrap().rows, 3);
}

#[tokio::test]
async fn the_rest_is_recorded_once_and_told_once() {
    let (_folder, ledger) = ledger().await;
    for _ in 0..2 {
        let dataset = Some(adapter("dataset"));
        let record = AdapterRecord { adapter: adapter_ref("a"), training_run: "run-1".into(), dataset };
        ledger.record_adapter(&scope(), record, 1).await.unwrap();
        let record = EvaluationRecord {
            name: "eval-1".into(),
            uid: "u1".into(),
            candidate: adapter_ref("a"),
            champion: None,
            verdict: Verdict::Pass,
            report: artifact("report"),
        };
        ledger.record_evaluation(&scope(), record, 2).await.unwrap();
        let record = PromotionRecord {
            name: "rollout-1".into(),
            uid: "u2".into(),
            change: ChampionChange::Promoted,
            adapter: Some(adapter_ref("a")),
            previous: None,
        };
        ledger.record_promotion(&scope(), record, 3).await.unwrap();
    }
    let events = ledger.events_after(0, 100).await.unwrap();
    assert_eq!(events.len(), 3);
    assert!(
        matches!(&events[2].body, EventBody::ChampionChanged { adapter: Some(new), .. } if *new == adapter_ref("a"))
    );
    assert!(events.iter().all(|event| event.body.model() == Some("team/coder")));
    assert_eq!(ledger.feedback_statistics(&scope()).await.unwrap().adapters, 1);
    let json = serde_json::to_value(&events[1]).unwrap();
    assert_eq!(
        (&json["type"], &json["sequence"], &json["verdict"]),
        (&"evaluation_recorded".into(), &2.into(), &"Pass".into())
    );
}
