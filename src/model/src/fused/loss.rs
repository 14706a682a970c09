//! Cross-entropy through the output embedding, without ever holding all logits.
//!
//! The gradient by the logits is known together with the loss, so it is propagated to the hidden states chunk
//! by chunk in the forward pass (as Liger's fused linear cross-entropy does). `[tokens, vocab]` logits of
//! a large vocabulary would be the largest tensor of the whole step.

use burn::tensor::{Int, Tensor};

use super::FusedOps;

/// Logits held at a time: 16 MiB of 32-bit floats.
const CHUNK_LOGITS: usize = 1 << 22;

/// What gradients are wanted by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// The hidden states.
    pub hidden: bool,
    /// The output embedding.
    pub embedding: bool,
}

/// A loss, with its gradients where they were wanted.
pub(super) struct Loss<B: FusedOps> {
    /// The weighted mean, `[1]`.
    pub value: Tensor<B, 1>,
    /// Gradient by the hidden states, `[N, D]`.
    pub by_hidden: Option<Tensor<B, 2>>,
    /// Gradient by the output embedding, `[V, D]`.
    pub by_embedding: Option<Tensor<B, 2>>,
}

pub(super) fn forward<B: FusedOps>(
    hidden: &Tensor<B, 2>,
    embedding: &Tensor<B, 2>,
    targets: &Tensor<B, 1, Int>,
    weights: Tensor<B, 1>,
    wanted: Wanted,
) -> Loss<B> {
    let [tokens, _] = hidden.dims();
    let [vocab, _] = embedding.dims();
    let weights = weights.clone() / weights.sum();
    let rows = (CHUNK_LOGITS / vocab).clamp(1, tokens);
    let mut value = Tensor::zeros([1], &hidden.device());
    let mut by_hidden = Vec::new();
    let mut by_embedding: Option<Tensor<B, 2>> = None;
    for start in (0..tokens).step_by(rows) {
        let count = rows.min(tokens - start);
        let part = hidden.clone().narrow(0, start, count);
        let logits = part.clone().matmul(embedding.clone().transpose());
        let (targets, weights) = (targets.clone().narrow(0, start, count), weights.clone().narrow(0, start, count));
        let (loss, by_logits) = B::softmax_loss(logits, targets, weights);
        value = value + loss;
        if wanted.hidden {
            by_hidden.push(by_logits.clone().matmul(embedding.clone()));
        }
        if wanted.embedding {
            let share = by_logits.transpose().matmul(part);
            by_embedding = Some(match by_embedding {
                None => share,
                Some(sum) => sum + share,
            });
        }
    }
    Loss { value, by_hidden: wanted.hidden.then(|| Tensor::cat(by_hidden, 0)), by_embedding }
}
