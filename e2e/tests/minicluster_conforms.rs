//! The minicluster answers as a real API server does: what the sweeps show on the one holds on the other.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hack::cluster::ControlPlane;

#[tokio::test(flavor = "multi_thread")]
async fn both_answer_the_same_to_the_same_requests() {
    let data = tempfile::tempdir().unwrap();
    let plane = ControlPlane::start(&data.path().join("plane")).unwrap();
    let report = hack::conformance::run(20, 7, &plane).await.unwrap();
    assert!(report.different.is_empty() && report.requests == 20 * 40);
}
