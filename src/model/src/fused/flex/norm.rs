//! RMSNorm, alone and followed by a rotation.
#![allow(clippy::inline_always, reason = "rows must be compiled into the dispatched instruction set")]

use super::rows::{self, Kernel};
use crate::vector::{dot, inverse_rms};

/// Which rows are heads of which position: x is `[tokens, count, width]` and token i is at position `i % length`.
pub struct Heads<'a> {
    /// Heads of one token.
    pub count: usize,
    /// Tokens of one sequence.
    pub length: usize,
    /// Cosines, `[length, width / 2]`.
    pub cos: &'a [f32],
    /// Sines, likewise.
    pub sin: &'a [f32],
}

impl Heads<'_> {
    /// Cosines and sines for a row of x.
    #[inline(always)]
    fn angles(&self, row: usize, half: usize) -> (&[f32], &[f32]) {
        let start = row / self.count % self.length * half;
        (&self.cos[start..start + half], &self.sin[start..start + half])
    }
}

/// The norm's input and constants.
#[derive(Clone, Copy)]
pub struct Norm<'a> {
    /// Rows as wide as the weight.
    pub x: &'a [f32],
    /// The weight.
    pub weight: &'a [f32],
    /// ε.
    pub epsilon: f32,
    /// Rotates every row after it is normalised.
    pub rotation: Option<&'a Heads<'a>>,
}

impl Norm<'_> {
    /// `x · w / √(mean(x²) + ε)` row by row, rotated where there is a rotation.
    pub fn forward(self) -> Vec<f32> {
        let mut out = vec![0.0; self.x.len()];
        rows::each(&mut out, self.weight.len(), &Forward(self));
        out
    }

    /// Replaces the gradient by the output by the gradient by x; returns the gradient by the weight if it is `wanted`.
    pub fn backward(self, grad: &mut [f32], wanted: bool) -> Option<Vec<f32>> {
        let width = self.weight.len();
        let parts = rows::map(grad, width, &Backward(self, wanted));
        wanted.then(|| rows::total(parts, width))
    }
}

struct Forward<'a>(Norm<'a>);

impl Kernel for Forward<'_> {
    type Part = ();

    #[inline(always)]
    fn block(&self, first: usize, out: &mut [f32]) {
        let Norm { x, weight, epsilon, rotation } = self.0;
        let (width, half) = (weight.len(), weight.len() / 2);
        let x = &x[first * width..];
        for (row, (x, out)) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
            let r = inverse_rms(x, epsilon);
            for ((out, x), w) in out.iter_mut().zip(x).zip(weight) {
                *out = x * r * w;
            }
            if let Some(heads) = rotation {
                let (cos, sin) = heads.angles(first + row, half);
                let (a, b) = out.split_at_mut(half);
                for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                    (*a, *b) = (a.mul_add(*cos, -*b * sin), b.mul_add(*cos, *a * sin));
                }
            }
        }
    }
}

struct Backward<'a>(Norm<'a>, bool);

impl Kernel for Backward<'_> {
    type Part = Vec<f32>;

    #[inline(always)]
    fn block(&self, first: usize, grad: &mut [f32]) -> Vec<f32> {
        let Self(Norm { x, weight, epsilon, rotation }, wanted) = *self;
        let (width, half) = (weight.len(), weight.len() / 2);
        let x = &x[first * width..];
        let mut by_weight = vec![0.0; if wanted { width } else { 0 }];
        for (row, (x, grad)) in x.chunks_exact(width).zip(grad.chunks_exact_mut(width)).enumerate() {
            if let Some(heads) = rotation {
                let (cos, sin) = heads.angles(first + row, half);
                let (a, b) = grad.split_at_mut(half);
                for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                    (*a, *b) = (a.mul_add(*cos, *b * sin), b.mul_add(*cos, -*a * sin));
                }
            }
            row_backward(x, weight, epsilon, grad, &mut by_weight);
        }
        by_weight
    }
}

/// With `r = 1/√(mean(x²) + ε)`: `dx = r·(g·w) − x·r³·mean(g·w·x)`, `dw += g·x·r` for as much of it as there is.
#[inline(always)]
fn row_backward(x: &[f32], weight: &[f32], epsilon: f32, grad: &mut [f32], by_weight: &mut [f32]) {
    let r = inverse_rms(x, epsilon);
    for ((by_weight, grad), x) in by_weight.iter_mut().zip(grad.iter()).zip(x) {
        *by_weight = grad.mul_add(x * r, *by_weight);
    }
    for (grad, w) in grad.iter_mut().zip(weight) {
        *grad *= w;
    }
    let along = dot(grad, x) / x.len() as f32 * r * r * r;
    for (grad, x) in grad.iter_mut().zip(x) {
        *grad = grad.mul_add(r, -x * along);
    }
}
