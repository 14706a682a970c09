//! The decoder: Qwen3's blocks over public tensors.
//!
//! The forward pass here takes whole sequences and is used to train and to score texts. The inference
//! server walks the same structs with a key-value cache.

use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor};

use crate::batches::Batch;
use crate::config::ModelConfig;
use crate::fused::FusedOps;
use crate::lora::{LoraLayer, LoraWeights, Projection, linear};
use crate::rope::RopeTable;

/// Weights of a decoder. Linear weights are `[in, out]`.
#[derive(Clone, Debug)]
pub struct Decoder<B: FusedOps> {
    /// Shapes and constants.
    pub config: ModelConfig,
    /// `[vocab, hidden]`.
    pub embedding: Tensor<B, 2>,
    /// The blocks, first to last.
    pub blocks: Vec<Block<B>>,
    /// RMSNorm after the last block, `[hidden]`.
    pub norm: Tensor<B, 1>,
    /// Output projection `[vocab, hidden]`, laid out like the embedding; `None` where it is the embedding.
    pub lm_head: Option<Tensor<B, 2>>,
}

/// Weights of one block.
#[derive(Clone, Debug)]
pub struct Block<B: FusedOps> {
    /// RMSNorm before the attention, `[hidden]`.
    pub input_norm: Tensor<B, 1>,
    /// `[hidden, heads · head_dim]`.
    pub q_proj: Tensor<B, 2>,
    /// `[hidden, kv_heads · head_dim]`.
    pub k_proj: Tensor<B, 2>,
    /// `[hidden, kv_heads · head_dim]`.
    pub v_proj: Tensor<B, 2>,
    /// `[heads · head_dim, hidden]`.
    pub o_proj: Tensor<B, 2>,
    /// RMSNorm of each query head, `[head_dim]`.
    pub q_norm: Tensor<B, 1>,
    /// RMSNorm of each key head, `[head_dim]`.
    pub k_norm: Tensor<B, 1>,
    /// RMSNorm before the feed-forward network, `[hidden]`.
    pub post_attention_norm: Tensor<B, 1>,
    /// `[hidden, intermediate]`.
    pub gate_proj: Tensor<B, 2>,
    /// `[hidden, intermediate]`.
    pub up_proj: Tensor<B, 2>,
    /// `[intermediate, hidden]`.
    pub down_proj: Tensor<B, 2>,
}

impl<B: FusedOps> Decoder<B> {
    /// Hidden states after the last norm, `[B·T, hidden]`, of `ids` `[B, T]`.
    ///
    /// Attention is causal from position 0, so rows shorter than T are padded on the right: what follows a
    /// token never changes it.
    pub fn hidden(&self, ids: Tensor<B, 2, Int>, rope: &RopeTable<B>, lora: Option<&LoraWeights<B>>) -> Tensor<B, 2> {
        let [batch, length] = ids.dims();
        let rope = rope.first(length);
        let embedded = embedding(self.embedding.clone(), ids);
        let mut x = embedded.reshape([batch * length, self.config.hidden_size]);
        for (index, block) in self.blocks.iter().enumerate() {
            let adapter = lora.and_then(|lora| lora.layers.get(index).map(|layer| (layer, lora.scale)));
            x = block.forward(x, [batch, length], &self.config, &rope, adapter);
        }
        B::rms_norm(x, self.norm.clone(), self.config.rms_norm_eps)
    }

    /// Logits `[N, vocab]` of hidden states `[N, hidden]`.
    pub fn logits(&self, hidden: Tensor<B, 2>) -> Tensor<B, 2> {
        hidden.matmul(self.output_embedding().clone().transpose())
    }

    /// The matrix whose rows score the next token, `[vocab, hidden]`.
    pub fn output_embedding(&self) -> &Tensor<B, 2> {
        self.lm_head.as_ref().unwrap_or(&self.embedding)
    }

    /// Weighted mean of −log p of a batch's targets, `[1]`.
    pub fn loss(&self, batch: Batch<B>, rope: &RopeTable<B>, lora: Option<&LoraWeights<B>>) -> Tensor<B, 1> {
        // Logits are computed only where they count.
        let hidden = self.hidden(batch.ids, rope, lora).select(0, batch.positions);
        B::cross_entropy(hidden, self.output_embedding().clone(), batch.targets, batch.weights)
    }

    /// Rotary table for sequences of up to `length` tokens.
    pub fn rope(&self, length: usize) -> RopeTable<B> {
        RopeTable::up_to(self.config.rope_theta, self.config.head_dim, length, &self.embedding.device())
    }

    /// Every linear weight, by blocks and in the order of [`Projection::ALL`].
    pub fn linear_weights(&self) -> impl Iterator<Item = &Tensor<B, 2>> {
        self.blocks.iter().flat_map(|block| Projection::ALL.map(|projection| block.projection(projection)))
    }

    /// As [`Self::linear_weights`], to be changed.
    pub fn linear_weights_mut(&mut self) -> impl Iterator<Item = &mut Tensor<B, 2>> {
        self.blocks.iter_mut().flat_map(Block::projections_mut)
    }

    /// The embedding, and the output projection where it is not the embedding.
    pub fn embeddings(&self) -> impl Iterator<Item = &Tensor<B, 2>> {
        std::iter::once(&self.embedding).chain(&self.lm_head)
    }

    /// As [`Self::embeddings`], to be changed.
    pub fn embeddings_mut(&mut self) -> impl Iterator<Item = &mut Tensor<B, 2>> {
        std::iter::once(&mut self.embedding).chain(&mut self.lm_head)
    }

    /// Every norm's weight.
    pub fn norms(&self) -> impl Iterator<Item = &Tensor<B, 1>> {
        self.blocks.iter().flat_map(Block::norms).chain(std::iter::once(&self.norm))
    }

    /// As [`Self::norms`], to be changed.
    pub fn norms_mut(&mut self) -> impl Iterator<Item = &mut Tensor<B, 1>> {
        self.blocks.iter_mut().flat_map(Block::norms_mut).chain(std::iter::once(&mut self.norm))
    }

    /// The same decoder with every tensor passed through `matrix` or `vector`, for example onto another backend.
    pub fn map<B2: FusedOps>(
        &self,
        mut matrix: impl FnMut(&Tensor<B, 2>) -> Tensor<B2, 2>,
        mut vector: impl FnMut(&Tensor<B, 1>) -> Tensor<B2, 1>,
    ) -> Decoder<B2> {
        Decoder {
            config: self.config.clone(),
            embedding: matrix(&self.embedding),
            blocks: self.blocks.iter().map(|block| block.map(&mut matrix, &mut vector)).collect(),
            norm: vector(&self.norm),
            lm_head: self.lm_head.as_ref().map(&mut matrix),
        }
    }
}

impl<B: FusedOps> Block<B> {
    /// The weight of `projection`, `[in, out]`.
    pub fn projection(&self, projection: Projection) -> &Tensor<B, 2> {
        match projection {
            Projection::Q => &self.q_proj,
            Projection::K => &self.k_proj,
            Projection::V => &self.v_proj,
            Projection::O => &self.o_proj,
            Projection::Gate => &self.gate_proj,
            Projection::Up => &self.up_proj,
            Projection::Down => &self.down_proj,
        }
    }

    /// As [`Self::projection`], to be changed.
    #[cfg(test)]
    pub(crate) fn projection_mut(&mut self, projection: Projection) -> &mut Tensor<B, 2> {
        match projection {
            Projection::Q => &mut self.q_proj,
            Projection::K => &mut self.k_proj,
            Projection::V => &mut self.v_proj,
            Projection::O => &mut self.o_proj,
            Projection::Gate => &mut self.gate_proj,
            Projection::Up => &mut self.up_proj,
            Projection::Down => &mut self.down_proj,
        }
    }

    fn projections_mut(&mut self) -> [&mut Tensor<B, 2>; 7] {
        [
            &mut self.q_proj,
            &mut self.k_proj,
            &mut self.v_proj,
            &mut self.o_proj,
            &mut self.gate_proj,
            &mut self.up_proj,
            &mut self.down_proj,
        ]
    }

    fn norms(&self) -> [&Tensor<B, 1>; 4] {
        [&self.input_norm, &self.q_norm, &self.k_norm, &self.post_attention_norm]
    }

    fn norms_mut(&mut self) -> [&mut Tensor<B, 1>; 4] {
        [&mut self.input_norm, &mut self.q_norm, &mut self.k_norm, &mut self.post_attention_norm]
    }

    /// One block: x `[B·T, hidden]` to the same shape.
    fn forward(
        &self,
        x: Tensor<B, 2>,
        [batch, length]: [usize; 2],
        config: &ModelConfig,
        rope: &RopeTable<B>,
        lora: Option<(&LoraLayer<B>, f64)>,
    ) -> Tensor<B, 2> {
        let project = |x: Tensor<B, 2>, projection: Projection| {
            let pair = lora.and_then(|(layer, _)| layer.get(projection));
            linear(x, self.projection(projection), pair, lora.map_or(1.0, |(_, scale)| scale))
        };
        let heads = |x: Tensor<B, 2>, heads: usize| x.reshape([batch, length, heads, config.head_dim]);
        let epsilon = config.rms_norm_eps;

        let h = B::rms_norm(x.clone(), self.input_norm.clone(), epsilon);
        let q = heads(project(h.clone(), Projection::Q), config.heads);
        let k = heads(project(h.clone(), Projection::K), config.kv_heads);
        let v = heads(project(h, Projection::V), config.kv_heads);
        let q = B::norm_rotate(q, self.q_norm.clone(), epsilon, rope.cos.clone(), rope.sin.clone());
        let k = B::norm_rotate(k, self.k_norm.clone(), epsilon, rope.cos.clone(), rope.sin.clone());
        let x = project(B::causal_attention(q, k, v), Projection::O) + x;

        let h = B::rms_norm(x.clone(), self.post_attention_norm.clone(), epsilon);
        let gate = project(h.clone(), Projection::Gate);
        let up = project(h, Projection::Up);
        project(B::swiglu(gate, up), Projection::Down) + x
    }

    fn map<B2: FusedOps>(
        &self,
        matrix: &mut impl FnMut(&Tensor<B, 2>) -> Tensor<B2, 2>,
        vector: &mut impl FnMut(&Tensor<B, 1>) -> Tensor<B2, 1>,
    ) -> Block<B2> {
        Block {
            input_norm: vector(&self.input_norm),
            q_proj: matrix(&self.q_proj),
            k_proj: matrix(&self.k_proj),
            v_proj: matrix(&self.v_proj),
            o_proj: matrix(&self.o_proj),
            q_norm: vector(&self.q_norm),
            k_norm: vector(&self.k_norm),
            post_attention_norm: vector(&self.post_attention_norm),
            gate_proj: matrix(&self.gate_proj),
            up_proj: matrix(&self.up_proj),
            down_proj: matrix(&self.down_proj),
        }
    }
}
