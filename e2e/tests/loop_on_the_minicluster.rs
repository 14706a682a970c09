//! One whole turn of the loop: learned, trained, judged, rolled out, promoted, and better on tasks it never saw.

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_ends_promoted_and_the_model_is_better() {
    let data = tempfile::tempdir().unwrap();
    let outcome = hack::demo::run(&genesis_e2e::small_turn(data.path(), 11)).await.unwrap();
    let number = |path: &str| outcome.get(path).as_f64().unwrap_or(f64::NAN);
    assert_eq!(outcome.get("evaluation/verdict"), "Pass");
    assert_eq!(outcome.get("rollout/completionStatus"), "Promoted");
    assert_eq!(outcome.get("adapter/digest"), outcome.get("served/digest"), "what serves is what was trained");
    assert!(number("delta/lower95") > 0.0, "the gain is beyond doubt: {}", number("delta/lower95"));
    assert!(number("delta/estimate") > 0.05, "and worth it: {}", number("delta/estimate"));
    assert_eq!(outcome.get("traffic/dropped"), 0, "no request went unanswered");
}
