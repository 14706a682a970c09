//! kill -9 of any process at ten random moments: the loop finishes, nothing learned is lost, nothing is counted twice.

use std::time::Duration;

use genesis_e2e::killer;

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_cost_time_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let options = genesis_e2e::small_turn(data.path(), 13);
    let killing = tokio::spawn(killer::kill(10, Duration::from_secs(4), 13));
    let outcome = hack::demo::run(&options).await.unwrap();
    let killed = killing.await.unwrap();
    assert_eq!(killed.len(), 10, "{killed:?}");
    assert_eq!(outcome.get("rollout/completionStatus"), "Promoted", "killed {killed:?}");
    assert_eq!(outcome.get("adapter/digest"), outcome.get("served/digest"));
    assert_eq!(outcome.get("traffic/dropped"), 0, "killed {killed:?}");
    // Every request has an id of its own; the ledger holds each answered one exactly once.
    assert_eq!(outcome.get("traffic/recorded"), outcome.get("traffic/sent"), "killed {killed:?}");
}
