//! Bad input to a running stack: each piece gets its own clear error, and the stack goes on.

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_clearly_and_the_stack_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let options = hack::demo::Options::tiny(data.path().to_owned());
    let outcome = hack::refusals::run(&options).await.unwrap();
    assert_eq!(outcome.refusals.iter().filter(|refusal| !refusal.clear).count(), 0);
    assert_eq!((outcome.answered_afterwards, outcome.restarts), (8, 0));
}
