//! `silu(gate) · up`.

use rayon::prelude::*;

use super::{lanes, rows};

pub fn forward(gate: &[f32], up: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; gate.len()];
    rows::each(&mut out, 1, |first, out| {
        for ((out, gate), up) in out.iter_mut().zip(&gate[first..]).zip(&up[first..]) {
            *out = gate * lanes::sigmoid(*gate) * up;
        }
    });
    out
}

/// Replaces the gate by the gradient by the gate, and the gradient by the result by the gradient by `up`.
pub fn backward(gate: &mut [f32], up: &[f32], grad: &mut [f32]) {
    let block = rows::per_block(1);
    let blocks = gate.par_chunks_mut(block).zip(up.par_chunks(block)).zip(grad.par_chunks_mut(block));
    blocks.for_each(|((gate, up), grad)| {
        pulp::Arch::new().dispatch(|| {
            for ((gate, up), grad) in gate.iter_mut().zip(up).zip(grad) {
                let (x, g) = (*gate, *grad);
                let sigma = lanes::sigmoid(x);
                *gate = g * up * sigma * (1.0 + x * (1.0 - sigma));
                *grad = g * x * sigma;
            }
        });
    });
}
