//! Many callers, one writer.

use genesis_core::confidence::{self, Exposure, PatternStanding};
use genesis_core::execution::Outcome;
use sqlx::ConnectOptions as _;

use super::*;
use crate::error::LedgerError;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_callers_lose_no_update() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("first", "a")).await.unwrap();
    let calls: Vec<_> = (0..200)
        .map(|i| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let mut new = plain(&format!("k{i}"), &format!("t{i}"));
                new.pattern_uses = vec![used("pattern of a", Exposure::Shown, Outcome::Pass)];
                ledger.record_generation(new).await.unwrap()
            })
        })
        .collect();
    let mut sequences = Vec::new();
    for call in calls {
        sequences.push(call.await.unwrap().sequence);
    }
    sequences.sort_unstable();
    assert_eq!(sequences, (2..=201).collect::<Vec<_>>());
    let want = (0..200).fold(PatternStanding::default(), |standing, _| {
        confidence::updated(&standing, Exposure::Shown, Outcome::Pass, 0.95, 1)
    });
    let pattern = ledger.pattern("acme", "pattern of a").await.unwrap().unwrap();
    assert!((pattern.standing.shown_successes - want.shown_successes).abs() < 1e-9, "{:?}", pattern.standing);
    assert_eq!((pattern.standing.confidence, pattern.uses, pattern.successes), (want.confidence, 200, 200));
    assert_eq!(pattern.verified_tasks, 201);
    assert_eq!(ledger.learning_snapshot(&scope(), 0, 4).await.unwrap().total, 201);
}

#[tokio::test]
async fn readers_see_a_write_as_soon_as_it_is_confirmed() {
    let (_folder, ledger) = ledger().await;
    for i in 1..=20_u64 {
        let recorded = ledger.record_generation(plain(&format!("k{i}"), &format!("t{i}"))).await.unwrap();
        let snapshot = ledger.learning_snapshot(&scope(), recorded.watermark - 1, 4).await.unwrap();
        assert_eq!((snapshot.total, snapshot.new, snapshot.watermark), (i, 1, i));
        assert_eq!(*ledger.committed().borrow(), ledger.head().await.unwrap());
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_loses_only_the_answer() {
    let (_folder, ledger) = ledger().await;
    let mut call = Box::pin(ledger.record_generation(plain("gone", "a")));
    assert!(futures::poll!(&mut call).is_pending(), "queued, not yet committed");
    drop(call);
    let next = ledger.record_generation(plain("next", "b")).await.unwrap();
    assert_eq!(next.sequence, 2);
    assert!(ledger.record_generation(plain("gone", "a")).await.unwrap().repeated);
}

#[tokio::test]
async fn a_closed_ledger_has_kept_everything_and_takes_nothing_more() {
    let (folder, ledger) = ledger().await;
    let other = ledger.clone();
    let call = tokio::spawn(async move { other.record_generation(plain("key", "a")).await });
    tokio::task::yield_now().await;
    ledger.close().await;
    assert!(call.await.unwrap().is_ok());
    assert!(matches!(ledger.record_generation(plain("late", "b")).await, Err(LedgerError::Closed)));
    let again = Ledger::open(&folder.path().join("ledger.db"), LedgerOptions::default()).await.unwrap();
    assert!(again.record_generation(plain("key", "a")).await.unwrap().repeated);
}

/// Another process holds the database for longer than the writer waits: callers are told, nothing is kept, and the
/// next write succeeds.
#[tokio::test]
async fn a_commit_that_fails_is_told_and_the_next_one_succeeds() {
    let (folder, ledger) = ledger().await;
    let mut other = open::options(&folder.path().join("ledger.db")).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let calls = ["1", "2", "3"].map(|key| ledger.record_generation(plain(key, key)));
    for refused in futures::future::join_all(calls).await {
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, LedgerError::CommitFailed(why) if why.contains("locked")), "{refused}");
    }
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert!(row_counts(&ledger).await.iter().all(|(_, count)| *count == 0));
    assert_eq!(ledger.record_generation(plain("1", "1")).await.unwrap().sequence, 1);
}
