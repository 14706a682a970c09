//! kill -9 of any process at ten random moments: the loop finishes, nothing learned is lost, nothing is counted twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use genesis_e2e::killer;

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_cost_time_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let options = genesis_e2e::small_turn(data.path(), 13);
    let over = Arc::new(AtomicBool::new(false));
    let killing =
        tokio::spawn(killer::kill(10, Duration::from_secs(3), 13, Arc::clone(&over), Duration::from_mins(30)));
    let outcome = hack::demo::run_telling(&options, &over).await;
    over.store(true, Ordering::SeqCst);
    let killed = killing.await.unwrap();
    let outcome = outcome.unwrap();
    assert_eq!(killed.len(), 10, "the turn was over before ten were killed: {killed:?}");
    assert_eq!(outcome.get("rollout/completionStatus"), "Promoted", "killed {killed:?}");
    assert_eq!(outcome.get("adapter/digest"), outcome.get("served/digest"));
    assert_eq!(outcome.get("traffic/dropped"), 0, "killed {killed:?}");
    // Every request has an id of its own; the ledger holds each answered one exactly once.
    assert_eq!(outcome.get("traffic/recorded"), outcome.get("traffic/sent"), "killed {killed:?}");
}
