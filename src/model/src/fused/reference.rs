//! Definitions of the fused operations, and their gradients, in plain tensor operations.

use burn::tensor::activation::{log_softmax, sigmoid, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor};

/// `x · w / √(mean(x²) + ε)`. Normalises first and scales afterwards, as transformers does.
pub fn rms_norm<B: Backend, const D: usize>(x: Tensor<B, D>, weight: Tensor<B, 1>, epsilon: f64) -> Tensor<B, D> {
    x.clone() * inverse_rms(x, epsilon) * weight.unsqueeze()
}

/// With `r = 1/√(mean(x²) + ε)` and `y = x·r·w`: `dx = r·(g·w) − x·r³·mean(g·w·x)` and `dw = Σ g·x·r`.
pub fn rms_norm_backward<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    weight: Tensor<B, 1>,
    epsilon: f64,
    grad: Tensor<B, D>,
    wanted: bool,
) -> (Tensor<B, D>, Option<Tensor<B, 1>>) {
    let r = inverse_rms(x.clone(), epsilon);
    let width = weight.dims()[0] as i64;
    let by_weight =
        wanted.then(|| (grad.clone() * x.clone() * r.clone()).reshape([-1, width]).sum_dim(0).squeeze_dim(0));
    let scaled = grad * weight.unsqueeze();
    let along = (scaled.clone() * x.clone()).mean_dim(D - 1);
    (scaled * r.clone() - x * r.powi_scalar(3) * along, by_weight)
}

/// RMSNorm of each head, then [`rotate`].
pub fn norm_rotate<B: Backend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 1>,
    epsilon: f64,
    cos: Tensor<B, 2>,
    sin: Tensor<B, 2>,
) -> Tensor<B, 4> {
    rotate(rms_norm(x, weight, epsilon), cos, sin)
}

/// A rotation's gradient is the rotation back.
pub fn norm_rotate_backward<B: Backend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 1>,
    epsilon: f64,
    (cos, sin): (Tensor<B, 2>, Tensor<B, 2>),
    grad: Tensor<B, 4>,
    wanted: bool,
) -> (Tensor<B, 4>, Option<Tensor<B, 1>>) {
    rms_norm_backward(x, weight, epsilon, rotate(grad, cos, -sin), wanted)
}

/// Rotates the halves of every head by its position's angles; x `[B, T, H, D]`.
pub fn rotate<B: Backend>(x: Tensor<B, 4>, cos: Tensor<B, 2>, sin: Tensor<B, 2>) -> Tensor<B, 4> {
    let half = x.dims()[3] / 2;
    let (a, b) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
    // [T, D/2] → [1, T, 1, D/2]
    let (cos, sin): (Tensor<B, 4>, Tensor<B, 4>) = (cos.unsqueeze_dims(&[0, 2]), sin.unsqueeze_dims(&[0, 2]));
    let rotated_a = a.clone() * cos.clone() - b.clone() * sin.clone();
    let rotated_b = b * cos + a * sin;
    Tensor::cat(vec![rotated_a, rotated_b], 3)
}

/// `silu(gate) · up` with `silu(x) = x·σ(x)`.
pub fn swiglu<B: Backend>(gate: Tensor<B, 2>, up: Tensor<B, 2>) -> Tensor<B, 2> {
    gate.clone() * sigmoid(gate) * up
}

/// `silu′(x) = σ(x)·(1 + x·(1 − σ(x)))`.
pub fn swiglu_backward<B: Backend>(
    gate: Tensor<B, 2>,
    up: Tensor<B, 2>,
    grad: Tensor<B, 2>,
) -> (Tensor<B, 2>, Tensor<B, 2>) {
    let sigma = sigmoid(gate.clone());
    let slope = sigma.clone() * (gate.clone() * (-sigma.clone() + 1.0) + 1.0);
    (grad.clone() * up * slope, grad * gate * sigma)
}

/// Softmax of `scale · scores` over the last dimension, up to the diagonal of the last two.
pub fn causal_softmax<B: Backend>(scores: Tensor<B, 5>, scale: f64) -> Tensor<B, 5> {
    let [_, _, _, length, _] = scores.dims();
    let future = Tensor::<B, 2, Bool>::tril_mask([length, length], 0, &scores.device()).unsqueeze();
    softmax((scores * scale).mask_fill(future, f32::NEG_INFINITY), 4)
}

/// `ds = scale · p·(g − Σ g·p)`; masked scores have p = 0 and therefore no gradient.
pub fn causal_softmax_backward<B: Backend>(
    probabilities: Tensor<B, 5>,
    grad: Tensor<B, 5>,
    scale: f64,
) -> Tensor<B, 5> {
    let mean = (grad.clone() * probabilities.clone()).sum_dim(4);
    (grad - mean) * probabilities * scale
}

/// Weighted negative log-likelihood and its gradient `wᵢ·(softmax(logitsᵢ) − onehot(tᵢ))`.
pub fn softmax_loss<B: Backend>(
    logits: Tensor<B, 2>,
    targets: Tensor<B, 1, Int>,
    weights: Tensor<B, 1>,
) -> (Tensor<B, 1>, Tensor<B, 2>) {
    let vocab = logits.dims()[1];
    let log_probabilities = log_softmax(logits, 1);
    let onehot = targets.clone().one_hot::<2>(vocab).float();
    let weights = weights.unsqueeze_dim::<2>(1);
    let chosen = log_probabilities.clone().gather(1, targets.unsqueeze_dim(1));
    let loss = -(chosen * weights.clone()).sum();
    (loss, (log_probabilities.exp() - onehot) * weights)
}

/// `1 / √(mean(x²) + ε)` over the last dimension, kept.
fn inverse_rms<B: Backend, const D: usize>(x: Tensor<B, D>, epsilon: f64) -> Tensor<B, D> {
    (x.square().mean_dim(D - 1) + epsilon).sqrt().recip()
}
