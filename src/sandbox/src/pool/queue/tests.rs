use super::*;

fn batch(ids: &[&str]) -> Arc<Batch> {
    let request =
        |id: &&str| serde_json::from_value(serde_json::json!({"id": id, "source": "", "tests": null})).unwrap();
    let indices: Vec<usize> = (0..ids.len()).collect();
    Batch::new(ids.iter().map(request).collect(), &indices)
}

#[test]
fn batches_take_turns() {
    let queue = Queue::default();
    queue.add(batch(&["a1", "a2", "a3"]));
    queue.add(batch(&["b1"]));
    let order: Vec<String> =
        (0..4).map(|_| queue.next().map(|(batch, at)| batch.requests[at].id.clone()).unwrap()).collect();
    assert_eq!(order, ["a1", "b1", "a2", "a3"]);
}

#[test]
fn a_batch_that_was_given_up_is_not_started_again() {
    let (queue, first) = (Queue::default(), batch(&["a1", "a2"]));
    queue.add(Arc::clone(&first));
    queue.next().unwrap();
    first.give_up();
    queue.add(batch(&["b1"]));
    let (next, at) = queue.next().unwrap();
    assert_eq!(next.requests[at].id, "b1");
    queue.close();
    assert!(queue.next().is_none());
}

#[test]
fn records_that_no_answer_can_carry_are_dropped_and_said_so() {
    use genesis_core::execution::{CallOutcome, ExecutionVerdict};
    let request: ExecutionRequest =
        serde_json::from_value(serde_json::json!({"id": "a", "source": "", "tests": null})).unwrap();
    let mut record = crate::record::not_run(&request, ExecutionVerdict::Pass, String::new(), "");
    record.values = vec![CallOutcome::Value("x".repeat(4 << 20))];
    // Once it is well within the bound; a hundred copies of it are not.
    for (copies, fits) in [(1, true), (100, false)] {
        let batch = Batch::new(vec![request.clone()], &vec![0; copies]);
        batch.put(0, record.clone());
        assert_eq!(batch.wait(Duration::ZERO).unwrap().is_ok(), fits);
    }
    let batch = Batch::new(vec![request.clone(), request], &[0, 1]);
    record.values = vec![CallOutcome::Value("x".repeat(MAX_ANSWER))];
    batch.put(0, record);
    assert!(matches!(batch.wait(Duration::ZERO), Some(Err(bytes)) if bytes > MAX_ANSWER));
    assert!(batch.take().is_none());
}
