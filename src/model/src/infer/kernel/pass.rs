//! One pass of one thread through the decoder.

use pulp::{Simd, WithSimd};

use super::cache::{Heads, LayerCache};
use super::lora::KernelAdapter;
use super::matmul::{Columns, PackedMatrix, Write};
use super::weights::{BlockWeights, Weights};
use super::{KernelCache, KernelSegment};
use crate::config::ModelConfig;
use crate::infer::math;

/// Indices into [`SITES`](super::lora::SITES).
const QKV: usize = 0;
const OUTPUT: usize = 1;
const GATE_UP: usize = 2;
const DOWN: usize = 3;

/// What every thread reads.
pub(super) struct Shared {
    pub config: ModelConfig,
    pub weights: Weights,
    /// `[max_positions, head_dim / 2]` each.
    pub cosines: Vec<f32>,
    pub sines: Vec<f32>,
}

/// Buffers of one thread, kept between steps.
#[derive(Default)]
pub(super) struct Scratch {
    /// Residual stream `[rows, hidden]`.
    x: Vec<f32>,
    /// Normalised input of a product, and the heads' outputs.
    h: Vec<f32>,
    /// Output of a fused product.
    wide: Vec<f32>,
    /// Gated activations `[rows, intermediate]`.
    gated: Vec<f32>,
    scores: Vec<f32>,
    low_rank: Vec<f32>,
}

/// Consecutive rows that use the same adapter.
struct Group<'a> {
    adapter: &'a KernelAdapter,
    first: usize,
    rows: usize,
}

impl Shared {
    fn heads(&self) -> Heads {
        Heads { query: self.config.heads, key_value: self.config.kv_heads, width: self.config.head_dim }
    }

    /// An empty cache.
    pub fn cache(&self) -> KernelCache {
        KernelCache { layers: vec![LayerCache::new(self.heads()); self.config.layers], positions: 0 }
    }

    /// Makes room for `positions` more tokens.
    pub fn reserve(&self, cache: &mut KernelCache, positions: usize) {
        cache.layers.iter_mut().for_each(|layer| layer.reserve(self.heads(), positions));
    }

    /// Runs `segments`, ordered by adapter.
    pub fn forward(&self, segments: &mut [&mut KernelSegment<'_>], scratch: &mut Scratch) {
        let hidden = self.config.hidden_size;
        scratch.x.clear();
        for token in segments.iter().flat_map(|segment| segment.tokens) {
            scratch.x.extend_from_slice(&self.weights.embedding[*token as usize * hidden..][..hidden]);
        }
        let groups = groups(segments);
        for (layer, block) in self.weights.blocks.iter().enumerate() {
            self.attend((layer, block), segments, &groups, scratch);
            self.feed_forward((layer, block), &groups, scratch);
        }
        for segment in segments.iter_mut() {
            segment.cache.positions += segment.tokens.len();
        }
        self.logits(segments, scratch);
    }

    /// `x += attention(norm(x))`
    fn attend(
        &self,
        (layer, block): (usize, &BlockWeights),
        segments: &mut [&mut KernelSegment<'_>],
        groups: &[Group<'_>],
        scratch: &mut Scratch,
    ) {
        let Scratch { x, h, wide, scores, low_rank, .. } = scratch;
        let heads = self.heads();
        let (queries, keys) = (heads.query * heads.width, heads.key_value * heads.width);
        let width = queries + 2 * keys;
        self.normalise(x, &block.input_norm, h);
        product(&block.products[QKV], (layer, QKV), h, wide, groups, low_rank, Write::Replace);
        h.resize(wide.len() / width * queries, 0.0);
        pulp::Arch::new().dispatch(Attention { shared: self, layer, segments, qkv: wide, out: h, scores });
        product(&block.products[OUTPUT], (layer, OUTPUT), h, x, groups, low_rank, Write::Add);
    }

    /// `x += down(silu(gate(norm(x))) · up(norm(x)))`
    fn feed_forward(&self, (layer, block): (usize, &BlockWeights), groups: &[Group<'_>], scratch: &mut Scratch) {
        let Scratch { x, h, wide, gated, low_rank, .. } = scratch;
        let inner = self.config.intermediate_size;
        self.normalise(x, &block.post_attention_norm, h);
        product(&block.products[GATE_UP], (layer, GATE_UP), h, wide, groups, low_rank, Write::Replace);
        gated.resize(wide.len() / 2, 0.0);
        math::swiglu(wide, inner, gated);
        product(&block.products[DOWN], (layer, DOWN), gated, x, groups, low_rank, Write::Add);
    }

    /// Final norm and output projection of the wanted rows only.
    fn logits(&self, segments: &mut [&mut KernelSegment<'_>], scratch: &mut Scratch) {
        let Scratch { x, h, wide, .. } = scratch;
        let (hidden, vocabulary) = (self.config.hidden_size, self.config.vocab_size);
        let mut kept = 0;
        let mut first = 0;
        for segment in segments.iter() {
            let wanted = segment.want.of(segment.tokens.len());
            x.copy_within((first + wanted.start) * hidden..(first + wanted.end) * hidden, kept * hidden);
            kept += wanted.len();
            first += segment.tokens.len();
        }
        x.truncate(kept * hidden);
        self.normalise(x, &self.weights.norm, h);
        wide.resize(kept * vocabulary, 0.0);
        let columns = (Columns::whole(hidden), Columns::whole(vocabulary));
        self.weights.head.multiply(kept, (h, columns.0), (wide, columns.1), Write::Replace);
        let mut rows = wide.as_slice();
        for segment in segments.iter_mut() {
            let (logits, rest) = rows.split_at(segment.want.of(segment.tokens.len()).len() * vocabulary);
            segment.logits.clear();
            segment.logits.extend_from_slice(logits);
            rows = rest;
        }
    }

    fn normalise(&self, x: &[f32], weight: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len(), 0.0);
        math::rms_norm(x, weight, self.config.rms_norm_eps as f32, out);
    }

    /// RMSNorm of every head, then its rotation.
    #[inline(always)]
    fn norm_rotate(&self, heads: &mut [f32], weight: &[f32], position: usize) {
        let half = self.config.head_dim / 2;
        let (cos, sin) = (&self.cosines[position * half..][..half], &self.sines[position * half..][..half]);
        for head in heads.chunks_exact_mut(self.config.head_dim) {
            math::rms_norm_in_place(head, weight, self.config.rms_norm_eps as f32);
            math::rotate(head, cos, sin);
        }
    }
}

/// Norm and rotation of queries and keys, the new entries of the caches, and attention over them.
struct Attention<'a, 'b, 's> {
    shared: &'a Shared,
    layer: usize,
    segments: &'a mut [&'b mut KernelSegment<'s>],
    /// `[rows, (heads + 2 · kv_heads) · head_dim]`
    qkv: &'a mut [f32],
    /// `[rows, heads · head_dim]`
    out: &'a mut [f32],
    scores: &'a mut Vec<f32>,
}

impl WithSimd for Attention<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { shared, layer, segments, qkv, out, scores } = self;
        let (heads, block) = (shared.heads(), &shared.weights.blocks[layer]);
        let (queries, keys) = (heads.query * heads.width, heads.key_value * heads.width);
        let mut rows = qkv.chunks_exact_mut(queries + 2 * keys).zip(out.chunks_exact_mut(queries));
        for segment in segments {
            let first = segment.cache.positions;
            for (position, (row, out)) in (first..first + segment.tokens.len()).zip(&mut rows) {
                let (query, rest) = row.split_at_mut(queries);
                let (key, value) = rest.split_at_mut(keys);
                shared.norm_rotate(query, &block.query_norm, position);
                shared.norm_rotate(key, &block.key_norm, position);
                let cache = &mut segment.cache.layers[layer];
                cache.push(heads, key, value);
                cache.attend(heads, query, position + 1, scores, out);
            }
        }
    }
}

/// `y (+)= x·W`, and each group's adapter on top.
fn product(
    weight: &PackedMatrix,
    place: (usize, usize),
    x: &[f32],
    y: &mut Vec<f32>,
    groups: &[Group<'_>],
    low_rank: &mut Vec<f32>,
    write: Write,
) {
    let (inputs, outputs) = (weight.inputs(), weight.outputs());
    let rows = x.len() / inputs;
    y.resize(rows * outputs, 0.0);
    weight.multiply(rows, (x, Columns::whole(inputs)), (y, Columns::whole(outputs)), write);
    for Group { adapter, first, rows } in groups {
        let x = &x[first * inputs..(first + rows) * inputs];
        adapter.apply(place, *rows, x, (&mut y[first * outputs..], outputs), low_rank);
    }
}

/// Runs of rows with the same adapter; rows of the base are in none.
fn groups<'a>(segments: &[&mut KernelSegment<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut first = 0;
    for segment in segments {
        let rows = segment.tokens.len();
        if let Some(adapter) = segment.adapter {
            match groups.last_mut() {
                Some(group) if std::ptr::eq(group.adapter, adapter) && group.first + group.rows == first => {
                    group.rows += rows;
                }
                _ => groups.push(Group { adapter, first, rows }),
            }
        }
        first += rows;
    }
    groups
}
