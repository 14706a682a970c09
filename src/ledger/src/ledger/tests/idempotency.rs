//! The same key is the same generation.

use genesis_core::confidence::Exposure;
use genesis_core::execution::Outcome;

use super::*;
use crate::error::LedgerError;
use crate::types::generation::Recorded;

#[tokio::test]
async fn a_repeat_returns_the_first_result_and_counts_nothing_twice() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("first", "a")).await.unwrap();
    let mut new = generation("key", "b");
    new.pattern_uses = vec![used("pattern of a", Exposure::Shown, Outcome::Pass)];
    let first = ledger.record_generation(new.clone()).await.unwrap();
    assert_eq!((first.learnings, first.corpus_added, first.watermark, first.repeated), (1, 1, 2, false));
    let before = (row_counts(&ledger).await, ledger.pattern("acme", "pattern of a").await.unwrap());
    ledger.record_generation(generation("later", "c")).await.unwrap();
    ledger.revert_learnings(&scope(), &adapter("none"), 1).await.unwrap();
    for _ in 0..3 {
        // What was generated the second time differs; what counts is what the first one was told.
        let mut again = new.clone();
        again.candidates.truncate(2);
        again.response = serde_json::json!("another answer");
        let repeat = ledger.record_generation(again).await.unwrap();
        assert_eq!(repeat, Recorded { repeated: true, ..first.clone() });
    }
    let after = (row_counts(&ledger).await, ledger.pattern("acme", "pattern of a").await.unwrap());
    assert_eq!(after.1, before.1);
    let grown = |table: &str| {
        let count = |counts: &[(String, i64)]| counts.iter().find(|(name, _)| name == table).unwrap().1;
        count(&after.0) - count(&before.0)
    };
    assert_eq!((grown("generations"), grown("learnings"), grown("corpus")), (1, 1, 1));
}

#[tokio::test]
async fn a_known_key_can_be_asked_before_generating() {
    let (_folder, ledger) = ledger().await;
    let new = generation("key", "a");
    assert_eq!(ledger.find_recorded("acme", "key", &new.request).await.unwrap(), None);
    let first = ledger.record_generation(new.clone()).await.unwrap();
    let found = ledger.find_recorded("acme", "key", &new.request).await.unwrap();
    assert_eq!(found, Some(Recorded { repeated: true, ..first }));
}

#[tokio::test]
async fn a_key_used_for_another_request_is_refused() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("key", "a")).await.unwrap();
    let refused = ledger.record_generation(generation("key", "b")).await.unwrap_err();
    assert!(matches!(&refused, LedgerError::KeyReused { key } if key == "key"), "{refused}");
    let refused = ledger.find_recorded("acme", "key", &generation("key", "b").request).await.unwrap_err();
    assert!(matches!(refused, LedgerError::KeyReused { .. }));
}

#[tokio::test]
async fn the_same_key_from_many_callers_at_once_is_written_once() {
    let (_folder, ledger) = ledger().await;
    let calls = (0..40).map(|_| ledger.record_generation(generation("key", "a")));
    let results = futures::future::try_join_all(calls).await.unwrap();
    assert_eq!(results.iter().filter(|recorded| !recorded.repeated).count(), 1);
    assert!(results.iter().all(|recorded| recorded.generation == results[0].generation));
    let counts = row_counts(&ledger).await;
    assert_eq!(counts.iter().find(|(name, _)| name == "generations").unwrap().1, 1);
}

#[tokio::test]
async fn contradictions_are_refused_by_name() {
    let (_folder, ledger) = ledger().await;
    let good = || generation("key", "a");
    let mut cases = Vec::new();
    cases.push(("idempotency key", {
        let mut g = good();
        g.idempotency_key.clear();
        g
    }));
    cases.push(("tenant", {
        let mut g = good();
        g.scope.tenant.clear();
        g
    }));
    cases.push(("candidate 7 is named", {
        let mut g = good();
        g.answered = Some(7);
        g
    }));
    cases.push(("candidate 9 is named", {
        let mut g = good();
        g.learnings[0].candidate = 9;
        g
    }));
    cases.push(("unless it is infra", {
        let mut g = good();
        g.quality = None;
        g
    }));
    cases.push(("without an execution that passed", {
        let mut g = good();
        g.candidates[0].enters_corpus = true;
        g
    }));
    cases.push(("without an execution that passed", {
        let mut g = good();
        g.candidates[1].execution = None;
        g
    }));
    cases.push(("names no task", {
        let mut g = good();
        g.task = None;
        g
    }));
    cases.push(("infra outcome", {
        let mut g = good();
        g.pattern_uses = vec![used("p", Exposure::Shown, Outcome::Infra)];
        g
    }));
    cases.push(("propensity", {
        let mut g = good();
        g.pattern_uses = vec![used("p", Exposure::Shown, Outcome::Pass)];
        g.pattern_uses[0].propensity = 0.0;
        g
    }));
    for (want, bad) in cases {
        let refused = ledger.record_generation(bad).await.unwrap_err().to_string();
        assert!(refused.contains(want), "{want}: {refused}");
    }
    assert!(row_counts(&ledger).await.iter().all(|(_, count)| *count == 0));
}
