//! `silu(gate) · up`.
#![allow(clippy::inline_always, reason = "rows must be compiled into the dispatched instruction set")]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::rows::{self, Kernel};
use crate::vector;

/// `silu(gate) · up`.
pub fn forward(gate: &[f32], up: &[f32]) -> Vec<f32> {
    struct Forward<'a>(&'a [f32], &'a [f32]);
    impl Kernel for Forward<'_> {
        type Part = ();

        #[inline(always)]
        fn block(&self, first: usize, out: &mut [f32]) {
            let (gate, up) = (&self.0[first..], &self.1[first..]);
            for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                *out = gate * vector::sigmoid(*gate) * up;
            }
        }
    }
    let mut out = vec![0.0; gate.len()];
    rows::each(&mut out, 1, &Forward(gate, up));
    out
}

/// Replaces the gate by the gradient by the gate, and the gradient by the result by the gradient by `up`.
pub fn backward(gate: &mut [f32], up: &[f32], grad: &mut [f32]) {
    struct Backward<'a>(&'a mut [f32], &'a [f32], &'a mut [f32]);
    impl WithSimd for Backward<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self(gate, up, grad) = self;
            for ((gate, up), grad) in gate.iter_mut().zip(up).zip(grad) {
                let (x, g) = (*gate, *grad);
                let sigma = vector::sigmoid(x);
                *gate = g * up * sigma * x.mul_add(1.0 - sigma, 1.0);
                *grad = g * x * sigma;
            }
        }
    }
    let block = rows::per_block(1);
    let blocks = gate.par_chunks_mut(block).zip(up.par_chunks(block)).zip(grad.par_chunks_mut(block));
    blocks.for_each(|((gate, up), grad)| pulp::Arch::new().dispatch(Backward(gate, up, grad)));
}
