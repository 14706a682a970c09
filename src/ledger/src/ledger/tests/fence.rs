//! Of several leaders only the newest writes.

use super::*;
use crate::error::LedgerError;

#[tokio::test]
async fn a_leader_that_has_lost_the_lead_writes_nothing() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(plain("a", "t")).await.unwrap();
    let (old, new) = (ledger.fenced(1), ledger.fenced(2));
    old.revert_learnings(&scope(), &adapter("x"), 1).await.unwrap();
    new.revert_learnings(&scope(), &adapter("y"), 2).await.unwrap();
    let before = row_counts(&ledger).await;
    let refused = old.revert_learnings(&scope(), &adapter("z"), 3).await;
    assert!(matches!(refused, Err(LedgerError::Fenced { number: 1, newest: 2 })), "{refused:?}");
    assert_eq!(row_counts(&ledger).await, before);
    new.revert_learnings(&scope(), &adapter("z"), 4).await.unwrap();
    // What answers requests is no leader.
    ledger.record_generation(plain("b", "t")).await.unwrap();
}
