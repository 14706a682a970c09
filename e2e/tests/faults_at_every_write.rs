//! Some of the runs of `cargo dev faults`: a fault at a write or an event, and the same end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_leads_to_the_same_end() {
    let report = hack::faults::run(43, "").await.unwrap();
    assert_eq!(report.violations, 0);
    assert!(report.runs >= 40 && report.faults_met * 10 >= report.runs * 8, "{report:?}");
}
