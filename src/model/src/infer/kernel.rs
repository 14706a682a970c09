//! The CPU runner: the decoder on plain slices of 32-bit floats.
//!
//! A decoder of a million parameters spends more time in a tensor library's allocations and copies than in arithmetic.
//! Here weights are packed once ([`PackedMatrix`](matmul::PackedMatrix)), keys and values are stored in the layout in
//! which they are read ([`cache`]), and each thread takes some sequences through the whole decoder
//! ([`pass`]), so threads meet once a step. A row's arithmetic does not depend on the other rows: the same sequence
//! gives the same bits in any batch.
//!
//! Loops run inside [`pulp::WithSimd`], and what they call is always inlined: anything else is compiled for processors
//! without AVX and FMA, where a fused multiply-add is a slow function call.
#![allow(clippy::inline_always, reason = "it decides for which instruction set the code is compiled")]

mod cache;
mod lora;
mod matmul;
mod pass;
mod weights;

use std::sync::{Mutex, PoisonError};

use self::cache::LayerCache;
pub use self::lora::KernelAdapter;
use self::pass::{Scratch, Shared};
use self::weights::Weights;
use super::runner::{ModelRunner, RunnerError, Segment};
use crate::backend::Compute;
use crate::decoder::Decoder;
use crate::lora::LoraWeights;
use crate::rope::tables;

/// Most tokens that a thread takes at a time: enough to reuse each weight from the first-level cache, few enough that
/// threads finish together when another process takes one of the cores.
const TOKENS_PER_TURN: usize = 48;
/// Fewest: for less, waking a thread costs more than it computes.
const FEWEST_PER_TURN: usize = 8;

/// Keys and values of one sequence.
pub struct KernelCache {
    layers: Vec<LayerCache>,
    positions: usize,
}

type KernelSegment<'a> = Segment<'a, KernelCache, KernelAdapter>;

/// Runs a decoder on the CPU.
pub struct KernelRunner {
    shared: Shared,
    /// One for each thread.
    scratch: Vec<Scratch>,
}

impl KernelRunner {
    /// Packs the weights of `decoder` for sequences of up to `max_positions` tokens on `threads` threads.
    pub fn new(decoder: &Decoder<Compute>, max_positions: usize, threads: usize) -> Result<Self, RunnerError> {
        let config = decoder.config.clone();
        let (cosines, sines) = tables(config.rope_theta, config.head_dim, 0..max_positions);
        let shared = Shared { weights: Weights::pack(decoder)?, config, cosines, sines };
        Ok(Self { shared, scratch: (0..threads.max(1)).map(|_| Scratch::default()).collect() })
    }
}

impl ModelRunner for KernelRunner {
    type Cache = KernelCache;
    type Adapter = KernelAdapter;

    fn cache(&mut self, positions: usize) -> KernelCache {
        let mut cache = self.shared.cache();
        self.shared.reserve(&mut cache, positions);
        cache
    }

    fn fork(&mut self, cache: &KernelCache, positions: usize) -> KernelCache {
        let mut copy = KernelCache { layers: cache.layers.clone(), positions: cache.positions };
        self.shared.reserve(&mut copy, positions.saturating_sub(cache.positions));
        copy
    }

    fn adapter(&mut self, weights: &LoraWeights<Compute>) -> Result<KernelAdapter, RunnerError> {
        KernelAdapter::pack(weights, &self.shared.config)
    }

    fn forward(&mut self, batch: &mut [KernelSegment<'_>]) -> Result<(), RunnerError> {
        let mut turns = turns(batch, self.scratch.len());
        let shared = &self.shared;
        if let [turn] = turns.as_mut_slice() {
            shared.forward(turn, &mut self.scratch[0]);
            return Ok(());
        }
        let threads = self.scratch.len().min(turns.len());
        let queue = Mutex::new(turns.into_iter());
        let work = |scratch: &mut Scratch| {
            // The guard is dropped before the turn is computed.
            while let Some(mut turn) = { queue.lock().unwrap_or_else(PoisonError::into_inner).next() } {
                shared.forward(&mut turn, scratch);
            }
        };
        std::thread::scope(|scope| {
            let (own, others) = self.scratch.split_at_mut(1);
            for scratch in &mut others[..threads.saturating_sub(1)] {
                scope.spawn(move || work(scratch));
            }
            own.iter_mut().for_each(work);
        });
        Ok(())
    }
}

/// Splits a batch into about equal parts of at most about [`TOKENS_PER_TURN`] tokens, as many for each thread; sequences with
/// the same adapter stay together.
fn turns<'b, 'a>(batch: &'b mut [KernelSegment<'a>], threads: usize) -> Vec<Vec<&'b mut KernelSegment<'a>>> {
    let total: usize = batch.iter().map(|segment| segment.tokens.len()).sum();
    let count = total.div_ceil(TOKENS_PER_TURN).next_multiple_of(threads).max(1);
    // Whole tiles of rows: what is left of one costs nearly as much as the tile.
    let per_turn = total.div_ceil(count).max(FEWEST_PER_TURN).next_multiple_of(matmul::ROWS);
    let mut ordered: Vec<&mut KernelSegment<'a>> = batch.iter_mut().collect();
    ordered.sort_by_key(|segment| segment.adapter.map(|adapter| std::ptr::from_ref(adapter).addr()));
    let mut turns: Vec<Vec<&mut KernelSegment<'a>>> = Vec::new();
    let mut tokens = per_turn;
    for segment in ordered {
        if tokens >= per_turn {
            turns.push(Vec::new());
            tokens = 0;
        }
        tokens += segment.tokens.len();
        if let Some(turn) = turns.last_mut() {
            turn.push(segment);
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::runner::Want;

    /// Tokens of each turn of a batch of sequences that bring these many tokens.
    fn split(lengths: &[usize], threads: usize) -> Vec<usize> {
        let tokens = [0; 64];
        let mut state: Vec<(KernelCache, Vec<f32>)> =
            lengths.iter().map(|_| (KernelCache { layers: Vec::new(), positions: 0 }, Vec::new())).collect();
        let mut batch: Vec<KernelSegment<'_>> = lengths
            .iter()
            .zip(&mut state)
            .map(|(length, (cache, logits))| KernelSegment {
                tokens: &tokens[..*length],
                adapter: None,
                cache,
                want: Want::Last,
                logits,
            })
            .collect();
        let turns = turns(&mut batch, threads);
        turns.iter().map(|turn| turn.iter().map(|segment| segment.tokens.len()).sum()).collect()
    }

    #[test]
    fn every_thread_has_as_much_to_do() {
        assert_eq!(split(&[1], 2), [1]);
        assert_eq!(split(&[1; 8], 2), [8]);
        assert_eq!(split(&[1; 32], 2), [16, 16]);
        assert_eq!(split(&[1; 48], 2), [24, 24]);
        assert_eq!(split(&[1; 60], 2), [32, 28]);
        assert_eq!(split(&[1; 256], 2), [44, 44, 44, 44, 44, 36]);
        assert_eq!(split(&[1; 256], 1).len(), 6);
        assert_eq!(split(&[50, 1, 1], 2), [50, 2]);
    }
}
