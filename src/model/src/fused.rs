//! The operations in which a small decoder spends its time beside matrix products.
//!
//! Each has a definition in plain tensor operations ([`reference`]), which every backend can run. The CPU
//! backend replaces them by single passes over memory (`flex`). The autodiff backend differentiates each as
//! one node with a hand-derived gradient (`autodiff`): composed of elementary operations, a step spends more
//! time in intermediate tensors than in matrix products.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

mod attention;
mod autodiff;
mod flex;
mod loss;
pub mod reference;

#[cfg(test)]
mod tests;

/// A backend that runs the decoder.
///
/// Activations are `[tokens, width]` matrices, so that every linear layer is one matrix product. Only
/// attention knows which tokens belong to one sequence.
pub trait FusedOps: Backend {
    /// RMSNorm over the last dimension: `x · w / √(mean(x²) + ε)`; x `[N, D]`, w `[D]`.
    fn rms_norm(x: Tensor<Self, 2>, weight: Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        reference::rms_norm(x, weight, epsilon)
    }

    /// RMSNorm of every head, then its rotation; x `[B, T, H, D]`, w `[D]`, tables `[T, D/2]`.
    ///
    /// Halves are rotated (`x₁, x₂ = x[..D/2], x[D/2..]`), as Hugging Face does for Qwen and Llama.
    fn norm_rotate(
        x: Tensor<Self, 4>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        cos: Tensor<Self, 2>,
        sin: Tensor<Self, 2>,
    ) -> Tensor<Self, 4> {
        reference::norm_rotate(x, weight, epsilon, cos, sin)
    }

    /// Causal attention of whole sequences: `softmax(q·kᵀ/√D)·v`; q `[B, T, H, D]`, k and v `[B, T, K, D]`
    /// with H a multiple of K; the result is `[B·T, H·D]`.
    fn causal_attention(q: Tensor<Self, 4>, k: Tensor<Self, 4>, v: Tensor<Self, 4>) -> Tensor<Self, 2> {
        attention::forward(q, k, v).0
    }

    /// The gate of a feed-forward network: `silu(gate) · up`; both `[N, D]`.
    fn swiglu(gate: Tensor<Self, 2>, up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        reference::swiglu(gate, up)
    }

    /// `Σᵢ wᵢ · −log softmax(hᵢ·Eᵀ)[tᵢ] / Σᵢ wᵢ`, in `[1]`; hidden `[N, D]`, embedding `[V, D]`, targets and
    /// weights `[N]`.
    fn cross_entropy(
        hidden: Tensor<Self, 2>,
        embedding: Tensor<Self, 2>,
        targets: Tensor<Self, 1, Int>,
        weights: Tensor<Self, 1>,
    ) -> Tensor<Self, 1> {
        loss::forward(&hidden, &embedding, &targets, weights, loss::Wanted::default()).value
    }

    /// Gradients of [`Self::rms_norm`] by x and, if it is `wanted`, by the weight.
    fn rms_norm_backward(
        x: Tensor<Self, 2>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        grad: Tensor<Self, 2>,
        wanted: bool,
    ) -> (Tensor<Self, 2>, Option<Tensor<Self, 1>>) {
        reference::rms_norm_backward(x, weight, epsilon, grad, wanted)
    }

    /// Gradients of [`Self::norm_rotate`] by x and, if it is `wanted`, by the weight.
    fn norm_rotate_backward(
        x: Tensor<Self, 4>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        (cos, sin): (Tensor<Self, 2>, Tensor<Self, 2>),
        grad: Tensor<Self, 4>,
        wanted: bool,
    ) -> (Tensor<Self, 4>, Option<Tensor<Self, 1>>) {
        reference::norm_rotate_backward(x, weight, epsilon, (cos, sin), grad, wanted)
    }

    /// Gradients of [`Self::swiglu`] by the gate and by what it gates.
    fn swiglu_backward(
        gate: Tensor<Self, 2>,
        up: Tensor<Self, 2>,
        grad: Tensor<Self, 2>,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        reference::swiglu_backward(gate, up, grad)
    }

    /// Softmax of `scale · scores` over the last dimension, up to the diagonal of the last two; `[…, T, T]`.
    fn causal_softmax(scores: Tensor<Self, 5>, scale: f64) -> Tensor<Self, 5> {
        reference::causal_softmax(scores, scale)
    }

    /// Gradient of [`Self::causal_softmax`] by the scores, from its result.
    fn causal_softmax_backward(probabilities: Tensor<Self, 5>, grad: Tensor<Self, 5>, scale: f64) -> Tensor<Self, 5> {
        reference::causal_softmax_backward(probabilities, grad, scale)
    }

    /// Lays heads out by token: `[B, K, G, T, D]` to `[B, T, K, G, D]`.
    fn by_token(heads: Tensor<Self, 5>) -> Tensor<Self, 5> {
        heads.permute([0, 3, 1, 2, 4])
    }

    /// For logits `[N, V]`, targets `[N]` and weights `[N]`: `Σᵢ wᵢ · −log softmax(logitsᵢ)[tᵢ]` in `[1]`, and its
    /// gradient by the logits.
    fn softmax_loss(
        logits: Tensor<Self, 2>,
        targets: Tensor<Self, 1, Int>,
        weights: Tensor<Self, 1>,
    ) -> (Tensor<Self, 1>, Tensor<Self, 2>) {
        reference::softmax_loss(logits, targets, weights)
    }
}

#[cfg(feature = "cuda")]
impl FusedOps for burn::backend::Cuda<f32, i32> {}
