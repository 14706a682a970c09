//! Causal grouped-query attention by batched matrix products.
//!
//! Query heads that share a key head are one dimension of their own, over which the products broadcast, so
//! keys and values are never repeated in memory.

use burn::tensor::Tensor;

use super::FusedOps;

/// Result `[B·T, H·D]`, and the probabilities `[B, K, G, T, T]` that the gradient needs.
pub(super) fn forward<B: FusedOps>(q: Tensor<B, 4>, k: Tensor<B, 4>, v: Tensor<B, 4>) -> (Tensor<B, 2>, Tensor<B, 5>) {
    let [batch, length, heads, dim] = q.dims();
    let kv_heads = k.dims()[2];
    let scores = queries(q, kv_heads).matmul(keys(k).swap_dims(3, 4));
    let probabilities = B::causal_softmax(scores, scale(dim));
    let mixed = probabilities.clone().matmul(keys(v));
    (B::by_token(mixed).reshape([batch * length, heads * dim]), probabilities)
}

/// Gradients by q, k and v of a result whose gradient is `grad` `[B·T, H·D]`.
pub(super) fn backward<B: FusedOps>(
    q: Tensor<B, 4>,
    k: Tensor<B, 4>,
    v: Tensor<B, 4>,
    probabilities: Tensor<B, 5>,
    grad: Tensor<B, 2>,
) -> [Tensor<B, 4>; 3] {
    let (shape, kv_shape) = (q.dims(), k.dims());
    let [_, _, kv_heads, dim] = kv_shape;
    let grad = queries(grad.reshape(shape), kv_heads);
    let by_v = probabilities.clone().swap_dims(3, 4).matmul(grad.clone());
    let by_probabilities = grad.matmul(keys(v).swap_dims(3, 4));
    let by_scores = B::causal_softmax_backward(probabilities, by_probabilities, scale(dim));
    let by_k = by_scores.clone().swap_dims(3, 4).matmul(queries(q, kv_heads));
    let by_q = by_scores.matmul(keys(k));
    // Every query head of a group contributes to the gradient of the key head they share.
    let shared = |by_head: Tensor<B, 5>| B::by_token(by_head.sum_dim(2)).reshape(kv_shape);
    [B::by_token(by_q).reshape(shape), shared(by_k), shared(by_v)]
}

fn scale(dim: usize) -> f64 {
    1.0 / (dim as f64).sqrt()
}

/// `[B, T, H, D]` → `[B, K, G, T, D]` with G = H / K.
fn queries<B: FusedOps>(x: Tensor<B, 4>, kv_heads: usize) -> Tensor<B, 5> {
    let [batch, length, heads, dim] = x.dims();
    x.reshape([batch, length, kv_heads, heads / kv_heads, dim]).permute([0, 2, 3, 1, 4])
}

/// `[B, T, K, D]` → `[B, K, 1, T, D]`.
fn keys<B: FusedOps>(x: Tensor<B, 4>) -> Tensor<B, 5> {
    x.permute([0, 2, 1, 3]).unsqueeze_dim(2)
}
