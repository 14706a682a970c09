use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;

use super::*;
use crate::infer::scheduler::Limits;
use crate::infer::testing::{adapter, engine, gated_engine, generate, log_probs, prompt, sampling};

const LIMITS: Limits = Limits { sequences: 16, prompt_tokens: 24 };

fn tokens(answers: &[Vec<TokenScore>]) -> Vec<Vec<u32>> {
    answers.iter().map(|scores| scores.iter().map(|score| score.token).collect()).collect()
}

#[tokio::test]
async fn a_seed_gives_the_same_tokens_whatever_else_is_in_the_batch() {
    let engine = engine(LIMITS, 100);
    let alone = generate(&engine, prompt(1, 30), None, 3, sampling(5, 25)).await;
    let others = (2..9).map(|number| generate(&engine, prompt(number, 5 + number * 7), None, 2, sampling(9, 20)));
    let (crowded, _) = tokio::join!(generate(&engine, prompt(1, 30), None, 3, sampling(5, 25)), join_all(others));
    assert_eq!(alone, crowded);
    let [a, b, c] = &tokens(&alone)[..] else { panic!() };
    assert!(a != b && b != c, "samples of one request differ");
    assert_ne!(alone, generate(&engine, prompt(1, 30), None, 3, sampling(6, 25)).await);
}

#[tokio::test]
async fn samples_of_one_prompt_equal_the_same_samples_in_another_request() {
    let engine = engine(LIMITS, 100);
    let three = generate(&engine, prompt(1, 30), None, 3, sampling(5, 25)).await;
    let one = generate(&engine, prompt(1, 30), None, 1, sampling(5, 25)).await;
    assert_eq!(one[0], three[0]);
}

#[tokio::test]
async fn several_adapters_at_once_give_what_each_gives_alone() {
    let engine = engine(LIMITS, 100);
    let mut adapters = vec![None];
    for seed in 0..3 {
        adapters.push(Some(engine.load(adapter(4, seed)).await.unwrap()));
    }
    let run = |adapter| generate(&engine, prompt(1, 20), adapter, 2, sampling(5, 25));
    let mut alone = Vec::new();
    for adapter in &adapters {
        alone.push(run(*adapter).await);
    }
    let together = join_all(adapters.iter().map(|adapter| run(*adapter))).await;
    assert_eq!(alone, together);
    assert_ne!(alone[0], alone[1]);
    assert_ne!(alone[1], alone[2]);
}

#[tokio::test]
async fn an_adapter_serves_its_requests_to_the_end_after_it_is_unloaded() {
    let engine = engine(LIMITS, 100);
    let id = engine.load(adapter(4, 1)).await.unwrap();
    let sampling = Sampling { ignore_eos: true, ..sampling(5, 60) };
    let want = generate(&engine, prompt(1, 20), Some(id), 1, sampling.clone()).await;
    let (events, mut receiver) = mpsc::unbounded_channel();
    let request = |events| Request {
        prompt: prompt(1, 20),
        adapter: Some(id),
        samples: 1,
        sampling: sampling.clone(),
        score_prompt: false,
        stream: true,
        events,
    };
    engine.submit(request(events)).unwrap();
    let mut scores = match receiver.recv().await.unwrap() {
        Event::Piece { scores, .. } => scores,
        other => panic!("{other:?}"),
    };
    engine.unload(id);
    while let Some(event) = receiver.recv().await {
        match event {
            Event::Piece { scores: more, .. } | Event::Finished { scores: more, .. } => scores.extend(more),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(scores, want[0]);
    let (events, mut receiver) = mpsc::unbounded_channel();
    engine.submit(request(events)).unwrap();
    assert!(matches!(receiver.recv().await, Some(Event::Failed(EngineError::AdapterGone))));
}

#[tokio::test]
async fn scores_of_a_prompt_are_the_decoders() {
    let engine = engine(LIMITS, 100);
    let tokens = prompt(1, 70);
    let (events, mut receiver) = mpsc::unbounded_channel();
    let sampling = Sampling { max_tokens: 0, scores: Some(3), ..sampling(0, 0) };
    let request = Request {
        prompt: tokens.clone(),
        adapter: None,
        samples: 1,
        sampling,
        score_prompt: true,
        stream: false,
        events,
    };
    engine.submit(request).unwrap();
    let Some(Event::Prompt(scores)) = receiver.recv().await else { panic!() };
    assert!(matches!(receiver.recv().await, Some(Event::Finished { tokens: 0, reason: FinishReason::Length, .. })));
    let want = log_probs(&tokens, None);
    assert_eq!(scores.len(), want.len());
    for (index, (score, want)) in scores.iter().zip(want).enumerate() {
        assert_eq!(score.token, tokens[index + 1]);
        assert!((f64::from(score.log_prob) - want).abs() < 1e-4, "token {index}: {} instead of {want}", score.log_prob);
        assert_eq!(score.top.len(), 3);
    }
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_cancelled_request_makes_room() {
    let (engine, gate) = gated_engine(Limits { sequences: 1, prompt_tokens: 1 }, 2);
    let request = |events| Request {
        prompt: prompt(1, 90),
        adapter: None,
        samples: 1,
        sampling: sampling(1, 5),
        score_prompt: false,
        stream: false,
        events,
    };
    let mut receivers = Vec::new();
    let refused = loop {
        let (events, receiver) = mpsc::unbounded_channel();
        match engine.submit(request(events)) {
            Ok(()) => receivers.push(receiver),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, EngineError::QueueFull { limit: 2 });
    // Two that wait, and one that waits no more if the engine's thread was fast.
    assert!((2..=3).contains(&receivers.len()));
    receivers.clear();
    drop(gate);
    while engine.shared.queued.load(Ordering::Acquire) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(generate(&engine, prompt(1, 3), None, 1, sampling(1, 5)).await.len(), 1);
}

#[tokio::test]
async fn whoever_has_the_answer_finds_it_in_the_metrics() {
    let engine = engine(LIMITS, 100);
    let registry = engine.metrics().registry("tiny");
    let id = engine.load(adapter(4, 1)).await.unwrap();
    for round in 1..=50 {
        generate(&engine, prompt(1, 5), Some(id), 2, sampling(5, 4)).await;
        engine.metrics().refresh_adapters(8, |_| Some("a".to_owned()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "vllm:num_requests_running{model_name=\"tiny\"} 0".to_owned(),
            format!("vllm:e2e_request_latency_seconds_count{{model_name=\"tiny\"}} {round}"),
            "running_lora_adapters=\"\"".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
    }
}

#[tokio::test]
async fn a_draining_engine_finishes_what_it_has_and_takes_nothing_new() {
    let engine = engine(LIMITS, 100);
    let running = generate(&engine, prompt(1, 30), None, 2, sampling(5, 25));
    let (answers, refused) = tokio::join!(running, async {
        engine.drain();
        let (events, _receiver) = mpsc::unbounded_channel();
        let sampling = sampling(1, 1);
        let prompt = prompt(1, 3);
        engine.submit(Request {
            prompt,
            adapter: None,
            samples: 1,
            sampling,
            score_prompt: false,
            stream: false,
            events,
        })
    });
    assert!(answers.iter().all(|answer| !answer.is_empty()));
    assert_eq!(refused, Err(EngineError::ShuttingDown));
}
