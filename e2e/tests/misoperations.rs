//! Some of the mutations of `cargo dev misoperations`: what is wrong is refused by name, what is right works as if it had
//! never been otherwise, and going back leads back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_can_be_wrong_and_right_again() {
    let report = hack::misoperations::run(41, "").await.unwrap();
    assert_eq!((report.violations, report.panics), (0, 0));
    assert!(report.runs >= 30, "{report:?}");
}
