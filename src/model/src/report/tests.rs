use genesis_core::Digest;
use genesis_core::wire::ArtifactRef;

use super::*;
use crate::testing::Operator;

fn progress(step: u64) -> JobEvent {
    JobEvent::Progress {
        step,
        total_steps: 9,
        loss: None,
        learning_rate: None,
        tokens_per_second: None,
        eta_seconds: None,
    }
}

fn failed() -> JobEvent {
    JobEvent::Failed { reason: "DatasetInvalid".into(), message: "x".into(), retriable: false }
}

fn checkpoint(step: u64) -> JobEvent {
    let checkpoint = ArtifactRef { uri: "file:///c".into(), digest: Digest::of_bytes(b"c") };
    JobEvent::Checkpoint { step, checkpoint }
}

fn started() -> JobEvent {
    JobEvent::Started { total_steps: 9, resumed_from: 0 }
}

fn reporter(operator: &Operator) -> Reporter {
    Reporter::start(Some(&operator.url), "secret").unwrap()
}

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn events_arrive_in_order_with_the_token_and_the_last_is_acknowledged() {
    let operator = Operator::answering(&[]);
    let reporter = reporter(&operator);
    reporter.tell(&started());
    reporter.tell(&progress(1));
    reporter.tell_and_wait(&failed()).unwrap();
    let heard = operator.heard();
    assert_eq!((heard.first(), heard.last()), (Some(&started()), Some(&failed())), "{heard:?}");
    assert!(operator.tokens().iter().all(|token| token == "Bearer secret"));
}

#[test]
fn a_busy_operator_is_asked_again() {
    let operator = Operator::answering(&[503, 500]);
    reporter(&operator).tell_and_wait(&failed()).unwrap();
    assert_eq!(operator.heard().len(), 3);
}

#[test]
fn a_refusal_is_final_and_is_told() {
    let operator = Operator::answering(&[403]);
    let refused = reporter(&operator).tell_and_wait(&failed()).unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused}");
    assert_eq!(operator.heard().len(), 1);
}

#[test]
fn what_is_flushed_was_heard_and_of_checkpoints_the_newest() {
    let operator = Operator::answering(&[503, 503]);
    let reporter = reporter(&operator);
    reporter.tell(&started());
    (1..=5).for_each(|step| reporter.tell(&checkpoint(step)));
    assert!(reporter.flush(LIMIT));
    let heard = operator.heard();
    assert_eq!(heard.last(), Some(&checkpoint(5)), "{heard:?}");
    assert_eq!(heard.iter().filter(|event| **event == started()).count(), 3, "twice refused, then taken");
    assert!(heard.len() <= 5, "{heard:?}");
}

#[test]
fn a_flush_ends_where_nobody_listens() {
    let reporter = Reporter::start(Some("http://127.0.0.1:1/job"), "secret").unwrap();
    reporter.tell(&checkpoint(1));
    assert!(!reporter.flush(Duration::from_millis(300)));
}

#[test]
fn an_event_that_was_perhaps_heard_is_not_counted_twice() {
    let operator = Operator::hanging_up(1);
    let reporter = reporter(&operator);
    reporter.tell(&started());
    reporter.tell(&checkpoint(1));
    assert!(reporter.flush(LIMIT));
    let heard = operator.heard();
    assert_eq!(heard.iter().filter(|event| **event == started()).count(), 1, "{heard:?}");
}

#[test]
fn without_an_operator_standard_output_is_enough() {
    let reporter = Reporter::start(None, "").unwrap();
    reporter.tell_and_wait(&failed()).unwrap();
    assert!(reporter.flush(Duration::ZERO));
}
