//! RMSNorm, alone and followed by a rotation.

#![allow(clippy::inline_always, reason = "rows must be compiled into the dispatched instruction set")]

use super::{lanes, rows};

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

#[inline(always)]
fn inverse_rms(x: &[f32], epsilon: f32) -> f32 {
    1.0 / (lanes::dot(x, x) / x.len() as f32 + epsilon).sqrt()
}

/// `x · w / √(mean(x²) + ε)` row by row.
pub fn forward(x: &[f32], weight: &[f32], epsilon: f32) -> Vec<f32> {
    let width = weight.len();
    let mut out = vec![0.0; x.len()];
    rows::each(&mut out, width, |first, out| {
        let x = &x[first * width..];
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let r = inverse_rms(x, epsilon);
            for ((out, x), w) in out.iter_mut().zip(x).zip(weight) {
                *out = x * r * w;
            }
        }
    });
    out
}

/// [`forward`] for every head, then its rotation.
pub fn forward_rotated(x: &[f32], weight: &[f32], epsilon: f32, heads: &Heads<'_>) -> Vec<f32> {
    let (width, half) = (weight.len(), weight.len() / 2);
    let (weight_a, weight_b) = weight.split_at(half);
    let mut out = vec![0.0; x.len()];
    rows::each(&mut out, width, |first, out| {
        let x = &x[first * width..];
        for (row, (x, out)) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
            let r = inverse_rms(x, epsilon);
            let (cos, sin) = heads.angles(first + row, half);
            let ((x_a, x_b), (out_a, out_b)) = (x.split_at(half), out.split_at_mut(half));
            for i in 0..half {
                let (a, b) = (x_a[i] * r * weight_a[i], x_b[i] * r * weight_b[i]);
                out_a[i] = a * cos[i] - b * sin[i];
                out_b[i] = b * cos[i] + a * sin[i];
            }
        }
    });
    out
}

/// Replaces the gradient by the output by the gradient by x; returns the gradient by the weight.
pub fn backward(x: &[f32], weight: &[f32], epsilon: f32, grad: &mut [f32]) -> Vec<f32> {
    let width = weight.len();
    let parts = rows::map(grad, width, |first, grad| {
        let x = &x[first * width..];
        let mut by_weight = vec![0.0; width];
        for (x, grad) in x.chunks_exact(width).zip(grad.chunks_exact_mut(width)) {
            row_backward(x, weight, epsilon, grad, &mut by_weight);
        }
        by_weight
    });
    rows::total(parts, width)
}

/// [`backward`] of [`forward_rotated`]: the gradient is first rotated back.
pub fn backward_rotated(x: &[f32], weight: &[f32], epsilon: f32, heads: &Heads<'_>, grad: &mut [f32]) -> Vec<f32> {
    let (width, half) = (weight.len(), weight.len() / 2);
    let parts = rows::map(grad, width, |first, grad| {
        let x = &x[first * width..];
        let mut by_weight = vec![0.0; width];
        for (row, (x, grad)) in x.chunks_exact(width).zip(grad.chunks_exact_mut(width)).enumerate() {
            let (cos, sin) = heads.angles(first + row, half);
            let (grad_a, grad_b) = grad.split_at_mut(half);
            for i in 0..half {
                let (a, b) = (grad_a[i], grad_b[i]);
                grad_a[i] = a * cos[i] + b * sin[i];
                grad_b[i] = b * cos[i] - a * sin[i];
            }
            row_backward(x, weight, epsilon, grad, &mut by_weight);
        }
        by_weight
    });
    rows::total(parts, width)
}

/// With `r = 1/√(mean(x²) + ε)`: `dx = r·(g·w) − x·r³·mean(g·w·x)`, `dw += g·x·r`.
#[inline(always)]
fn row_backward(x: &[f32], weight: &[f32], epsilon: f32, grad: &mut [f32], by_weight: &mut [f32]) {
    let r = inverse_rms(x, epsilon);
    for ((by_weight, grad), x) in by_weight.iter_mut().zip(grad.iter()).zip(x) {
        *by_weight += grad * x * r;
    }
    for (grad, w) in grad.iter_mut().zip(weight) {
        *grad *= w;
    }
    let along = lanes::dot(grad, x) / x.len() as f32 * r * r * r;
    for (grad, x) in grad.iter_mut().zip(x) {
        *grad = *grad * r - x * along;
    }
}
