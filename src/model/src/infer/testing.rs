//! A small random model with a real tokenizer, for the tests of the server.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use genesis_core::Digest;
use tokio::sync::mpsc;

use super::engine::{AdapterId, Engine, EngineOptions, Event, Request};
use super::kernel::KernelRunner;
use super::runner::{ModelRunner, RunnerError, Segment};
use super::sampling::{Sampling, TokenScore};
use super::scheduler::Limits;
use super::vocabulary::Vocabulary;
use crate::adapter::{Adapter, AdapterSettings};
use crate::backend::{Compute, Cpu};
use crate::config::ModelConfig;
use crate::decoder::Decoder;
use crate::init;
use crate::lora::LoraWeights;
use crate::tokenizer::Tokenizer;

/// More rows than the tokenizer has tokens, heads that share keys, and a head wider than a panel.
pub(crate) fn config() -> ModelConfig {
    ModelConfig {
        hidden_size: 24,
        intermediate_size: 40,
        layers: 2,
        heads: 6,
        kv_heads: 2,
        head_dim: 20,
        max_positions: 96,
        ..ModelConfig::seedling(300)
    }
}

/// A decoder whose next tokens are far from uniform.
pub(crate) fn decoder() -> Decoder<Cpu> {
    let decoder: Decoder<Cpu> = init::decoder(&config(), 11, &Default::default());
    decoder.map(|matrix| matrix.clone() * 8.0, Clone::clone)
}

/// An adapter with an effect.
pub(crate) fn adapter(rank: usize, seed: u64) -> LoraWeights<Compute> {
    let mut weights = init::lora(&config(), rank, 8.0, seed, &Default::default());
    let other = init::lora::<Compute>(&config(), rank, 8.0, seed + 1000, &Default::default());
    for (pair, noise) in weights
        .layers
        .iter_mut()
        .zip(&other.layers)
        .flat_map(|(layer, noise)| layer.pairs.iter_mut().flatten().zip(noise.pairs.iter().flatten()))
    {
        // B is zero in a fresh adapter: fill it with another A's numbers.
        let [rank, outputs] = pair.b.dims();
        let row = noise.a.clone().swap_dims(0, 1).narrow(1, 0, 1) * 3.0;
        pair.b = row.expand([rank, outputs]);
    }
    weights
}

/// Writes an adapter's directory; returns its digest.
pub(crate) fn write_adapter(directory: &Path, rank: usize, seed: u64) -> Digest {
    let adapter =
        Adapter::<Compute> { settings: AdapterSettings::new("tiny", rank, 8.0), weights: adapter(rank, seed) };
    std::fs::create_dir_all(directory).unwrap();
    for (name, bytes) in adapter.to_files().unwrap() {
        std::fs::write(directory.join(name), bytes).unwrap();
    }
    genesis_artifacts::digest_directory(directory).unwrap()
}

/// A tokenizer that knows all bytes.
pub(crate) fn tokenizer() -> Tokenizer {
    let text = "def solve(xs: list[int]) -> int:\n    return sum(xs)\n";
    Tokenizer::train(std::iter::repeat_n(text.to_owned(), 20), 290).unwrap()
}

/// A runner each of whose steps waits for a word, until the [`Gate`] is dropped.
struct Gated {
    runner: KernelRunner,
    words: Receiver<()>,
}

/// Lets one step pass for each `send`, and all once it is dropped.
pub(crate) type Gate = Sender<()>;

impl ModelRunner for Gated {
    type Cache = <KernelRunner as ModelRunner>::Cache;
    type Adapter = <KernelRunner as ModelRunner>::Adapter;

    fn cache(&mut self, positions: usize) -> Self::Cache {
        self.runner.cache(positions)
    }

    fn fork(&mut self, cache: &Self::Cache, positions: usize) -> Self::Cache {
        self.runner.fork(cache, positions)
    }

    fn adapter(&mut self, weights: &LoraWeights<Compute>) -> Result<Self::Adapter, RunnerError> {
        self.runner.adapter(weights)
    }

    fn forward(&mut self, batch: &mut [Segment<'_, Self::Cache, Self::Adapter>]) -> Result<(), RunnerError> {
        // An error is an open gate.
        let _ = self.words.recv();
        self.runner.forward(batch)
    }
}

/// An engine on two threads.
pub(crate) fn engine(limits: Limits, queue: usize) -> Engine {
    let (engine, _) = gated_engine(limits, queue);
    engine
}

/// An engine that computes no step before the gate lets it.
pub(crate) fn gated_engine(limits: Limits, queue: usize) -> (Engine, Gate) {
    let decoder = decoder();
    let vocabulary = Arc::new(Vocabulary::new(&tokenizer(), decoder.config.vocab_size));
    let options = EngineOptions { limits, queue, end: vec![2], vocabulary };
    let (gate, words) = std::sync::mpsc::channel();
    let runner = Gated { runner: KernelRunner::new(&decoder, 96, 2).unwrap(), words };
    (Engine::start(runner, options).unwrap(), gate)
}

/// Parameters of a sampled answer.
pub(crate) fn sampling(seed: u64, max_tokens: usize) -> Sampling {
    Sampling { temperature: 0.9, top_p: 0.95, seed, max_tokens, stop: vec![], ignore_eos: false, scores: Some(0) }
}

/// A prompt of `length` tokens.
pub(crate) fn prompt(number: usize, length: usize) -> Vec<u32> {
    (0..length).map(|at| (3 + (number * 31 + at * 17) % 280) as u32).collect()
}

/// The tokens of each sample with their log-probabilities.
pub(crate) async fn generate(
    engine: &Engine,
    prompt: Vec<u32>,
    adapter: Option<AdapterId>,
    samples: usize,
    sampling: Sampling,
) -> Vec<Vec<TokenScore>> {
    let (events, mut receiver) = mpsc::unbounded_channel();
    let request = Request { prompt, adapter, samples, sampling, score_prompt: false, stream: false, events };
    engine.submit(request).unwrap();
    let mut answers = vec![Vec::new(); samples];
    while let Some(event) = receiver.recv().await {
        match event {
            Event::Finished { index, scores, .. } => answers[index] = scores,
            other => panic!("{other:?}"),
        }
    }
    answers
}

/// log p of every token after the first, by the trainer's forward pass.
pub(crate) fn log_probs(tokens: &[u32], adapter: Option<&LoraWeights<Compute>>) -> Vec<f64> {
    let (decoder, device) = (decoder(), Default::default());
    let ids: Vec<i32> = tokens.iter().map(|token| *token as i32).collect();
    let ids = Tensor::<Compute, 2, Int>::from_data(TensorData::new(ids, [1, tokens.len()]), &device);
    let rope = decoder.rope(tokens.len());
    let logits = decoder.logits(decoder.hidden(ids, &rope, adapter));
    let scores: Vec<f32> = log_softmax(logits, 1).into_data().to_vec().unwrap();
    let vocabulary = decoder.config.vocab_size;
    (1..tokens.len()).map(|at| f64::from(scores[(at - 1) * vocabulary + tokens[at] as usize])).collect()
}
