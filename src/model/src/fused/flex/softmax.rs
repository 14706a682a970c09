//! Softmax with a causal mask, and the loss through a softmax.
#![allow(clippy::inline_always, reason = "rows must be compiled into the dispatched instruction set")]

use super::rows::{self, Kernel};
use crate::vector;

/// Softmax of `scale·x` for square matrices of `length` rows; row t keeps its first t + 1 numbers, the others
/// become 0.
pub fn causal(x: &mut [f32], length: usize, scale: f32) {
    struct Causal(usize, f32);
    impl Kernel for Causal {
        type Part = ();

        #[inline(always)]
        fn block(&self, first: usize, x: &mut [f32]) {
            let Self(length, scale) = *self;
            for (row, x) in x.chunks_exact_mut(length).enumerate() {
                let (past, future) = x.split_at_mut((first + row) % length + 1);
                vector::softmax(past, scale);
                future.fill(0.0);
            }
        }
    }
    rows::each(x, length, &Causal(length, scale));
}

/// Replaces the gradient by the probabilities by the gradient by the scores, `scale·p·(g − Σ g·p)`.
pub fn causal_backward(probabilities: &[f32], grad: &mut [f32], length: usize, scale: f32) {
    struct Backward<'a>(&'a [f32], usize, f32);
    impl Kernel for Backward<'_> {
        type Part = ();

        #[inline(always)]
        fn block(&self, first: usize, grad: &mut [f32]) {
            let Self(probabilities, length, scale) = *self;
            let probabilities = &probabilities[first * length..];
            for (row, (p, grad)) in probabilities.chunks_exact(length).zip(grad.chunks_exact_mut(length)).enumerate() {
                let past = (first + row) % length + 1;
                let (p, (grad, future)) = (&p[..past], grad.split_at_mut(past));
                let mean = vector::dot(p, grad);
                for (grad, p) in grad.iter_mut().zip(p) {
                    *grad = (*grad - mean) * p * scale;
                }
                future.fill(0.0);
            }
        }
    }
    rows::each(grad, length, &Backward(probabilities, length, scale));
}

/// Replaces logits by the gradient of `Σᵢ wᵢ·−log softmax(logitsᵢ)[tᵢ]`, which is returned.
pub fn loss(logits: &mut [f32], vocab: usize, targets: &[usize], weights: &[f32]) -> f32 {
    struct Loss<'a>(usize, &'a [usize], &'a [f32]);
    impl Kernel for Loss<'_> {
        type Part = f64;

        #[inline(always)]
        fn block(&self, first: usize, logits: &mut [f32]) -> f64 {
            let Self(vocab, targets, weights) = *self;
            let chosen = targets[first..].iter().zip(&weights[first..]);
            let mut loss = 0.0;
            for (x, (target, weight)) in logits.chunks_exact_mut(vocab).zip(chosen) {
                let (max, logit) = (vector::max(x), x[*target]);
                let sum = vector::exp_sum(x, max, 1.0);
                loss += f64::from(weight * (sum.ln() + max - logit));
                let factor = weight / sum;
                for p in x.iter_mut() {
                    *p *= factor;
                }
                x[*target] -= weight;
            }
            loss
        }
    }
    rows::map(logits, vocab, &Loss(vocab, targets, weights)).into_iter().sum::<f64>() as f32
}
