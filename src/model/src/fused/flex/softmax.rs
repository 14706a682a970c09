//! Softmax with a causal mask, and the loss through a softmax.

use super::{lanes, rows};

/// Softmax of `scale·x` for square matrices of `length` rows; row t keeps its first t + 1 numbers, the others
/// become 0.
pub fn causal(x: &mut [f32], length: usize, scale: f32) {
    rows::each(x, length, |first, x| {
        for (row, x) in x.chunks_exact_mut(length).enumerate() {
            let (past, future) = x.split_at_mut((first + row) % length + 1);
            let sum = lanes::exp_sum(past, lanes::max(past), scale);
            let inverse = 1.0 / sum;
            past.iter_mut().for_each(|p| *p *= inverse);
            future.fill(0.0);
        }
    });
}

/// Replaces the gradient by the probabilities by the gradient by the scores, `scale·p·(g − Σ g·p)`.
pub fn causal_backward(probabilities: &[f32], grad: &mut [f32], length: usize, scale: f32) {
    rows::each(grad, length, |first, grad| {
        let probabilities = &probabilities[first * length..];
        for (row, (p, grad)) in probabilities.chunks_exact(length).zip(grad.chunks_exact_mut(length)).enumerate() {
            let past = (first + row) % length + 1;
            let (p, (grad, future)) = (&p[..past], grad.split_at_mut(past));
            let mean = lanes::dot(p, grad);
            for (grad, p) in grad.iter_mut().zip(p) {
                *grad = (*grad - mean) * p * scale;
            }
            future.fill(0.0);
        }
    });
}

/// Replaces logits by the gradient of `Σᵢ wᵢ·−log softmax(logitsᵢ)[tᵢ]`, which is returned.
pub fn loss(logits: &mut [f32], vocab: usize, targets: &[usize], weights: &[f32]) -> f32 {
    let parts = rows::map(logits, vocab, |first, logits| {
        let chosen = targets[first..].iter().zip(&weights[first..]);
        let mut loss = 0.0;
        for (x, (target, weight)) in logits.chunks_exact_mut(vocab).zip(chosen) {
            let (max, logit) = (lanes::max(x), x[*target]);
            let sum = lanes::exp_sum(x, max, 1.0);
            loss += f64::from(weight * (sum.ln() + max - logit));
            let factor = weight / sum;
            x.iter_mut().for_each(|p| *p *= factor);
            x[*target] -= weight;
        }
        loss
    });
    parts.into_iter().sum::<f64>() as f32
}
