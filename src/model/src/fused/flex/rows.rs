//! Rows dealt to threads, each block compiled for the widest vector instructions the machine has.
#![allow(clippy::inline_always, reason = "they must be compiled into the dispatched instruction set")]

use rayon::prelude::*;

/// Numbers in a block: with its input it stays in a core's second-level cache.
const BLOCK: usize = 16 * 1024;

/// Rows of `width` numbers in a block.
pub fn per_block(width: usize) -> usize {
    (BLOCK / width.max(1)).max(1)
}

/// Calls `kernel(first row, rows)` for every block of rows of `out`.
#[inline(always)]
pub fn each(out: &mut [f32], width: usize, kernel: impl Fn(usize, &mut [f32]) + Sync) {
    let rows = per_block(width);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(block, chunk)| {
        pulp::Arch::new().dispatch(|| kernel(block * rows, chunk));
    });
}

/// As [`each`]; what the kernel returns is collected in the order of blocks.
#[inline(always)]
pub fn map<T: Send>(out: &mut [f32], width: usize, kernel: impl Fn(usize, &mut [f32]) -> T + Sync) -> Vec<T> {
    let rows = per_block(width);
    let blocks = out.par_chunks_mut(rows * width).enumerate();
    blocks.map(|(block, chunk)| pulp::Arch::new().dispatch(|| kernel(block * rows, chunk))).collect()
}

/// Sum of vectors of `width`, in order.
pub fn total(parts: Vec<Vec<f32>>, width: usize) -> Vec<f32> {
    parts.into_iter().fold(vec![0.0; width], |mut sum, part| {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        sum
    })
}
