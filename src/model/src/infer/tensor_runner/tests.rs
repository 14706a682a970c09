use burn::tensor::{Int, Tensor, TensorData};

use super::*;
use crate::infer::kernel::KernelRunner;
use crate::infer::runner::Want;
use crate::infer::testing::{adapter, decoder, prompt};

/// A sequence with the adapter it uses, its tokens, and how many of them each step computes.
struct Case {
    adapter: Option<usize>,
    tokens: Vec<u32>,
    steps: Vec<usize>,
}

fn cases() -> Vec<Case> {
    let case = |adapter, number, steps: &[usize]| {
        let tokens = prompt(number, steps.iter().sum());
        Case { adapter, tokens, steps: steps.to_vec() }
    };
    vec![
        case(None, 1, &[7, 1, 1, 1]),
        case(Some(0), 2, &[1, 1, 1, 1]),
        case(Some(1), 3, &[20, 1, 13, 1]),
        case(Some(0), 4, &[7, 30, 1, 1]),
        case(None, 5, &[60, 1, 1, 1]),
        case(Some(1), 6, &[7, 1, 1, 1]),
    ]
}

/// All logits of all cases, computed together step by step.
fn run<R: ModelRunner>(mut runner: R, adapters: &[LoraWeights<Compute>]) -> Vec<Vec<f32>> {
    let cases = cases();
    let adapters: Vec<R::Adapter> = adapters.iter().map(|weights| runner.adapter(weights).unwrap()).collect();
    let mut caches: Vec<R::Cache> = cases.iter().map(|case| runner.cache(case.tokens.len())).collect();
    let mut all = vec![Vec::new(); cases.len()];
    let mut done = vec![0; cases.len()];
    for step in 0..4 {
        // In the middle every sequence moves to a copy of its cache.
        if step == 2 {
            caches = caches.iter().map(|cache| runner.fork(cache, 96)).collect();
        }
        let mut logits = vec![Vec::new(); cases.len()];
        let mut batch: Vec<_> = cases
            .iter()
            .zip(&mut caches)
            .zip(&mut logits)
            .zip(&done)
            .map(|(((case, cache), logits), done)| Segment {
                tokens: &case.tokens[*done..done + case.steps[step]],
                adapter: case.adapter.map(|index| &adapters[index]),
                cache,
                want: Want::All,
                logits,
            })
            .collect();
        runner.forward(&mut batch).unwrap();
        for (index, logits) in logits.into_iter().enumerate() {
            all[index].extend(logits);
            done[index] += cases[index].steps[step];
        }
    }
    all
}

/// The trainer's forward pass over whole sequences.
fn by_decoder(adapters: &[LoraWeights<Compute>]) -> Vec<Vec<f32>> {
    let decoder = decoder();
    let device = decoder.embedding.device();
    let rope = decoder.rope(96);
    cases()
        .iter()
        .map(|case| {
            let ids: Vec<i32> = case.tokens.iter().map(|token| *token as i32).collect();
            let length = ids.len();
            let ids = Tensor::<Compute, 2, Int>::from_data(TensorData::new(ids, [1, length]), &device);
            let hidden = decoder.hidden(ids, &rope, case.adapter.map(|index| &adapters[index]));
            decoder.logits(hidden).into_data().to_vec().unwrap()
        })
        .collect()
}

fn largest_difference(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    assert_eq!(a.iter().map(Vec::len).collect::<Vec<_>>(), b.iter().map(Vec::len).collect::<Vec<_>>());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn both_runners_give_the_trainers_logits() {
    let adapters = [adapter(8, 1), adapter(3, 2)];
    let want = by_decoder(&adapters);
    assert!(want.iter().flatten().any(|logit| logit.abs() > 1.0), "the logits are too flat to compare");
    let kernel = run(KernelRunner::new(&decoder(), 96, 2).unwrap(), &adapters);
    let burn = run(TensorRunner::new(decoder(), 96), &adapters);
    let base = by_decoder(&[adapter(8, 3), adapter(3, 4)]);
    assert!(largest_difference(&want, &base) > 0.1, "the adapters have no effect");
    assert!(largest_difference(&kernel, &want) < 1e-4, "kernel: {}", largest_difference(&kernel, &want));
    assert!(largest_difference(&burn, &want) < 1e-4, "burn: {}", largest_difference(&burn, &want));
}

#[test]
fn a_sequence_alone_has_the_same_bits_as_in_a_batch() {
    let adapters = [adapter(8, 1), adapter(3, 2)];
    let together = run(KernelRunner::new(&decoder(), 96, 2).unwrap(), &adapters);
    for (case, want) in cases().iter().zip(together) {
        let mut runner = KernelRunner::new(&decoder(), 96, 1).unwrap();
        let adapter = case.adapter.map(|index| runner.adapter(&adapters[index]).unwrap());
        let (mut cache, mut logits) = (runner.cache(1), Vec::new());
        let segment = Segment {
            tokens: &case.tokens,
            adapter: adapter.as_ref(),
            cache: &mut cache,
            want: Want::All,
            logits: &mut logits,
        };
        runner.forward(&mut [segment]).unwrap();
        assert_eq!(logits, want);
    }
}

#[test]
fn slots_are_reused_and_empty() {
    let mut runner = TensorRunner::new(decoder(), 96);
    let mut first = Vec::new();
    for _ in 0..6 {
        let tokens = prompt(9, 12);
        let (mut cache, mut logits) = (runner.cache(12), Vec::new());
        let segment =
            Segment { tokens: &tokens, adapter: None, cache: &mut cache, want: Want::Last, logits: &mut logits };
        runner.forward(&mut [segment]).unwrap();
        first = if first.is_empty() { logits.clone() } else { first };
        assert_eq!(logits, first, "what the slot held before has leaked");
    }
}
