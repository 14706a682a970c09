//! The burn runner: the decoder as tensor operations, on any backend.
//!
//! It is the reference for the [CPU runner](super::kernel) and what computes on a GPU. Keys and values of all sequences
//! lie in one table for each layer ([`pool`]); sequences with the same number of new tokens attend together.

use std::ops::Range;

use burn::tensor::module::embedding;
use burn::tensor::{Bool, Int, Tensor, TensorData, activation};

use self::pool::Pool;
pub use self::pool::Slot;
use super::runner::{ModelRunner, RunnerError, Segment};
use crate::backend::{Compute, Device};
use crate::decoder::{Block, Decoder};
use crate::fused::FusedOps;
use crate::lora::{LoraWeights, Projection};
use crate::rope::RopeTable;

mod pool;

#[cfg(test)]
mod tests;

/// Runs a decoder with burn.
pub struct TensorRunner {
    decoder: Decoder<Compute>,
    pool: Pool,
    device: Device<Compute>,
}

type TensorSegment<'a> = Segment<'a, Slot, LoraWeights<Compute>>;

/// What the layers of one step share.
struct Step<'a> {
    /// Rotary table of each row's position.
    rope: RopeTable<Compute>,
    /// Row of the key-value table for each row.
    places: Tensor<Compute, 1, Int>,
    /// Consecutive segments with equally many tokens.
    parts: Vec<Part>,
    /// Rows of each adapter.
    groups: Vec<(&'a LoraWeights<Compute>, Range<usize>)>,
}

/// `sequences` segments of `tokens` rows each.
struct Part {
    rows: Range<usize>,
    sequences: usize,
    tokens: usize,
    /// Rows of the key-value table, `[sequences · length]`.
    history: Tensor<Compute, 1, Int>,
    length: usize,
    /// True where a query must not look, `[sequences, 1, group · tokens, length]`.
    hidden: Tensor<Compute, 4, Bool>,
}

impl TensorRunner {
    /// Takes over `decoder` for sequences of up to `max_positions` tokens.
    pub fn new(decoder: Decoder<Compute>, max_positions: usize) -> Self {
        let config = &decoder.config;
        let device = decoder.embedding.device();
        let pool = Pool::new(config.layers, config.kv_heads * config.head_dim, max_positions, &device);
        Self { decoder, pool, device }
    }

    fn indices(&self, indices: Vec<usize>) -> Tensor<Compute, 1, Int> {
        let indices: Vec<i32> = indices.into_iter().map(|index| index as i32).collect();
        Tensor::from_data(TensorData::from(indices.as_slice()), &self.device)
    }

    /// Lays `segments`, ordered by adapter, out in rows.
    fn plan<'a>(&self, segments: &[&mut TensorSegment<'a>]) -> Step<'a> {
        let (mut positions, mut places) = (Vec::new(), Vec::new());
        let mut groups: Vec<(&'a LoraWeights<Compute>, Range<usize>)> = Vec::new();
        for segment in segments {
            let first = positions.len();
            let slot = &segment.cache;
            positions.extend(slot.length..slot.length + segment.tokens.len());
            places.extend(
                (slot.length..slot.length + segment.tokens.len()).map(|position| self.pool.row(slot, position)),
            );
            match (segment.adapter, groups.last_mut()) {
                (Some(adapter), Some((last, rows))) if std::ptr::eq(*last, adapter) => rows.end = positions.len(),
                (Some(adapter), _) => groups.push((adapter, first..positions.len())),
                (None, _) => {}
            }
        }
        let mut first = 0;
        let runs = segments.chunk_by(|a, b| a.tokens.len() == b.tokens.len());
        let parts = runs.map(|run| {
            let part = self.part(first, run);
            first = part.rows.end;
            part
        });
        let parts = parts.collect();
        let config = &self.decoder.config;
        let rope = RopeTable::new(config.rope_theta, config.head_dim, &positions, &self.device);
        Step { rope, places: self.indices(places), parts, groups }
    }

    fn part(&self, first: usize, run: &[&mut TensorSegment<'_>]) -> Part {
        let (sequences, tokens) = (run.len(), run.first().map_or(0, |segment| segment.tokens.len()));
        let group = self.decoder.config.heads / self.decoder.config.kv_heads;
        let length = run.iter().map(|segment| segment.cache.length + tokens).max().unwrap_or(0);
        let history = run.iter().flat_map(|segment| (0..length).map(|at| self.pool.row(segment.cache, at)));
        let history = self.indices(history.collect());
        let mut hidden = Vec::with_capacity(sequences * group * tokens * length);
        for segment in run {
            for query in (0..group).flat_map(|_| 0..tokens) {
                let position = segment.cache.length + query;
                hidden.extend((0..length).map(|key| key > position));
            }
        }
        let hidden = TensorData::new(hidden, [sequences, 1, group * tokens, length]);
        let rows = first..first + sequences * tokens;
        Part { rows, sequences, tokens, history, length, hidden: Tensor::from_data(hidden, &self.device) }
    }

    /// `x·W`, and each group's adapter on top.
    fn project(
        &self,
        x: &Tensor<Compute, 2>,
        layer: usize,
        projection: Projection,
        step: &Step<'_>,
    ) -> Tensor<Compute, 2> {
        let mut y = x.clone().matmul(self.decoder.blocks[layer].projection(projection).clone());
        for (adapter, rows) in &step.groups {
            if let Some(pair) = adapter.layers.get(layer).and_then(|layer| layer.get(projection)) {
                let low = x.clone().narrow(0, rows.start, rows.len()).matmul(pair.a.clone()) * adapter.scale;
                let adapted = y.clone().narrow(0, rows.start, rows.len()) + low.matmul(pair.b.clone());
                let width = y.dims()[1];
                y = y.slice_assign([rows.clone(), 0..width], adapted);
            }
        }
        y
    }

    fn attention(
        &mut self,
        h: &Tensor<Compute, 2>,
        (layer, block): (usize, &Block<Compute>),
        step: &Step<'_>,
    ) -> Tensor<Compute, 2> {
        let (heads, kv_heads, width) =
            (self.decoder.config.heads, self.decoder.config.kv_heads, self.decoder.config.head_dim);
        let epsilon = self.decoder.config.rms_norm_eps;
        let rows = h.dims()[0];
        let rotate = |x: Tensor<Compute, 2>, heads: usize, weight: &Tensor<Compute, 1>| {
            let x = x.reshape([1, rows, heads, width]);
            Compute::norm_rotate(x, weight.clone(), epsilon, step.rope.cos.clone(), step.rope.sin.clone())
        };
        let q = rotate(self.project(h, layer, Projection::Q, step), heads, &block.q_norm);
        let k = rotate(self.project(h, layer, Projection::K, step), kv_heads, &block.k_norm);
        let v = self.project(h, layer, Projection::V, step);
        self.pool.write(layer, &step.places, k.reshape([rows, kv_heads * width]), v);
        let q = q.reshape([rows, heads * width]);
        let outputs = step.parts.iter().map(|part| {
            let Part { sequences, tokens, length, .. } = *part;
            let (keys, values) = self.pool.read(layer, &part.history);
            let heads_first = |x: Tensor<Compute, 2>| x.reshape([sequences, length, kv_heads, width]).swap_dims(1, 2);
            let group = heads / kv_heads;
            let q = q.clone().narrow(0, part.rows.start, part.rows.len());
            let q = q.reshape([sequences, tokens, kv_heads, group, width]).permute([0, 2, 3, 1, 4]);
            let q = q.reshape([sequences, kv_heads, group * tokens, width]);
            let scores = q.matmul(heads_first(keys).swap_dims(2, 3)) / (width as f64).sqrt();
            let hidden = part.hidden.clone().expand([sequences, kv_heads, group * tokens, length]);
            let weights = activation::softmax(scores.mask_fill(hidden, f32::NEG_INFINITY), 3);
            let out = weights.matmul(heads_first(values)).reshape([sequences, kv_heads, group, tokens, width]);
            out.permute([0, 3, 1, 2, 4]).reshape([part.rows.len(), heads * width])
        });
        let attended = Tensor::cat(outputs.collect(), 0);
        self.project(&attended, layer, Projection::O, step)
    }

    fn feed_forward(&self, h: &Tensor<Compute, 2>, layer: usize, step: &Step<'_>) -> Tensor<Compute, 2> {
        let gate = self.project(h, layer, Projection::Gate, step);
        let up = self.project(h, layer, Projection::Up, step);
        self.project(&Compute::swiglu(gate, up), layer, Projection::Down, step)
    }
}

impl ModelRunner for TensorRunner {
    type Cache = Slot;
    type Adapter = LoraWeights<Compute>;

    fn cache(&mut self, _positions: usize) -> Slot {
        self.pool.take()
    }

    fn fork(&mut self, cache: &Slot, _positions: usize) -> Slot {
        self.pool.copy(cache)
    }

    fn adapter(&mut self, weights: &LoraWeights<Compute>) -> Result<LoraWeights<Compute>, RunnerError> {
        Ok(weights.clone())
    }

    fn forward(&mut self, batch: &mut [TensorSegment<'_>]) -> Result<(), RunnerError> {
        let mut segments: Vec<&mut TensorSegment<'_>> = batch.iter_mut().collect();
        segments.sort_by_key(|segment| segment.adapter.map(|adapter| std::ptr::from_ref(adapter).addr()));
        let step = self.plan(&segments);
        let tokens: Vec<usize> =
            segments.iter().flat_map(|segment| segment.tokens).map(|token| *token as usize).collect();
        let epsilon = self.decoder.config.rms_norm_eps;
        let ids = self.indices(tokens).unsqueeze::<2>();
        let mut x = embedding(self.decoder.embedding.clone(), ids).squeeze_dim::<2>(0);
        let blocks = self.decoder.blocks.clone();
        for (layer, block) in blocks.iter().enumerate() {
            let h = Compute::rms_norm(x.clone(), block.input_norm.clone(), epsilon);
            x = x + self.attention(&h, (layer, block), &step);
            let h = Compute::rms_norm(x.clone(), block.post_attention_norm.clone(), epsilon);
            x = x + self.feed_forward(&h, layer, &step);
        }
        let mut wanted = Vec::new();
        let mut first = 0;
        for segment in &mut segments {
            wanted.extend(segment.want.of(segment.tokens.len()).map(|row| first + row));
            first += segment.tokens.len();
            segment.cache.length += segment.tokens.len();
            segment.logits.clear();
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let h = Compute::rms_norm(x.select(0, self.indices(wanted)), self.decoder.norm.clone(), epsilon);
        let logits = self.decoder.logits(h).into_data().convert::<f32>().to_vec::<f32>();
        let logits = logits.map_err(|error| RunnerError::Device(format!("{error:?}")))?;
        let mut rest = logits.as_slice();
        for segment in &mut segments {
            let count = segment.want.of(segment.tokens.len()).len() * self.decoder.config.vocab_size;
            let (own, others) = rest.split_at(count);
            segment.logits.extend_from_slice(own);
            rest = others;
        }
        Ok(())
    }
}
