//! Rows dealt to threads, each block compiled for the widest vector instructions the machine has.
#![allow(clippy::inline_always, reason = "they must be compiled into the dispatched instruction set")]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Numbers in a block: with its input it stays in a core's second-level cache.
const BLOCK: usize = 16 * 1024;

/// What is done to a block of rows.
///
/// Not a closure: what [`pulp::Arch::dispatch`] calls is compiled for the dispatched instruction set only where it is
/// inlined, and nothing makes the compiler inline a closure.
pub trait Kernel: Sync {
    /// What a block gives.
    type Part: Send;

    /// Computes `rows`, the first of which is number `first`. To be marked `#[inline(always)]`.
    fn block(&self, first: usize, rows: &mut [f32]) -> Self::Part;
}

/// One block of a kernel.
struct Block<'a, K>(&'a K, usize, &'a mut [f32]);

impl<K: Kernel> WithSimd for Block<'_, K> {
    type Output = K::Part;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> K::Part {
        self.0.block(self.1, self.2)
    }
}

/// Rows of `width` numbers in a block.
pub fn per_block(width: usize) -> usize {
    (BLOCK / width.max(1)).max(1)
}

/// Computes every block of rows of `out`.
pub fn each(out: &mut [f32], width: usize, kernel: &impl Kernel<Part = ()>) {
    let rows = per_block(width);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(block, chunk)| {
        pulp::Arch::new().dispatch(Block(kernel, block * rows, chunk));
    });
}

/// As [`each`]; what the kernel gives is collected in the order of blocks.
pub fn map<K: Kernel>(out: &mut [f32], width: usize, kernel: &K) -> Vec<K::Part> {
    let rows = per_block(width);
    let blocks = out.par_chunks_mut(rows * width).enumerate();
    blocks.map(|(block, chunk)| pulp::Arch::new().dispatch(Block(kernel, block * rows, chunk))).collect()
}

/// Sum of vectors of `width`, in order.
pub fn total(parts: Vec<Vec<f32>>, width: usize) -> Vec<f32> {
    parts.into_iter().fold(vec![0.0; width], |mut sum, part| {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        sum
    })
}
