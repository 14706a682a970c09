//! Keys and values of one sequence, and attention over them.

use super::matmul::{COLUMNS, Columns, Target, Write, multiply_panel};
use crate::infer::math;

/// Keys and values of one sequence in one layer.
///
/// Both are kept as the panels that [`multiply_panel`] reads, so attention is two matrix products and copies nothing:
/// a key panel holds 16 positions, `[head_dim][16]`; a value panel holds 16 elements of every position, `[position][16]`.
#[derive(Clone, Debug)]
pub(super) struct LayerCache {
    /// One per key-value head.
    keys: Vec<Vec<f32>>,
    /// `head_dim / 16`, rounded up, per key-value head.
    values: Vec<Vec<f32>>,
    positions: usize,
}

/// Sizes that attention needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub query: usize,
    pub key_value: usize,
    pub width: usize,
}

impl Heads {
    fn value_panels(self) -> usize {
        self.width.div_ceil(COLUMNS)
    }
}

impl LayerCache {
    pub fn new(heads: Heads) -> Self {
        let values = vec![Vec::new(); heads.key_value * heads.value_panels()];
        Self { keys: vec![Vec::new(); heads.key_value], values, positions: 0 }
    }

    /// Makes room for `positions` more, so that appending does not move what is there.
    pub fn reserve(&mut self, heads: Heads, positions: usize) {
        let padded = positions.next_multiple_of(COLUMNS) + COLUMNS;
        self.keys.iter_mut().for_each(|keys| keys.reserve(padded * heads.width));
        self.values.iter_mut().for_each(|values| values.reserve(positions * COLUMNS));
    }

    /// Appends one position: `[kv_heads, head_dim]` each.
    pub fn push(&mut self, heads: Heads, key: &[f32], value: &[f32]) {
        let lane = self.positions % COLUMNS;
        for (keys, key) in self.keys.iter_mut().zip(key.chunks_exact(heads.width)) {
            let panel = self.positions / COLUMNS * COLUMNS * heads.width;
            if lane == 0 {
                keys.resize(panel + COLUMNS * heads.width, 0.0);
            }
            for (slots, element) in keys[panel..].as_chunks_mut::<COLUMNS>().0.iter_mut().zip(key) {
                slots[lane] = *element;
            }
        }
        let elements = value.chunks_exact(heads.width).flat_map(|head| head.chunks(COLUMNS));
        for (values, elements) in self.values.iter_mut().zip(elements) {
            values.extend_from_slice(elements);
            values.resize((self.positions + 1) * COLUMNS, 0.0);
        }
        self.positions += 1;
    }

    /// Attention of one position's queries `[heads, head_dim]` over the first `length` positions.
    ///
    /// `scores` is working space.
    #[inline(always)]
    pub fn attend(&self, heads: Heads, query: &[f32], length: usize, scores: &mut Vec<f32>, out: &mut [f32]) {
        let group = heads.query / heads.key_value;
        let stride = length.next_multiple_of(COLUMNS);
        scores.resize(group * stride, 0.0);
        let scale = 1.0 / (heads.width as f32).sqrt();
        for head in 0..heads.key_value {
            let first = head * group * heads.width;
            let queries = (&query[first..], Columns::whole(heads.width));
            for (index, panel) in self.keys[head].chunks_exact(COLUMNS * heads.width).take(stride / COLUMNS).enumerate()
            {
                let to = Columns { stride, offset: index * COLUMNS };
                let target = Target { to, width: COLUMNS, write: Write::Replace };
                multiply_panel(panel, heads.width, group, queries, target, scores);
            }
            for scores in scores.chunks_exact_mut(stride) {
                math::softmax(&mut scores[..length], scale);
            }
            let panels = heads.value_panels();
            for (index, panel) in self.values[head * panels..][..panels].iter().enumerate() {
                let to = Columns { stride: heads.width, offset: first + index * COLUMNS };
                let width = COLUMNS.min(heads.width - index * COLUMNS);
                let target = Target { to, width, write: Write::Replace };
                multiply_panel(panel, length, group, (scores, Columns::whole(stride)), target, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_equals_its_definition_across_panel_boundaries() {
        let heads = Heads { query: 6, key_value: 2, width: 20 };
        let noise = |i: usize| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0;
        let mut cache = LayerCache::new(heads);
        let row = heads.key_value * heads.width;
        let all: Vec<f32> = (0..40 * row * 2).map(noise).collect();
        for position in 0..40 {
            let start = position * row * 2;
            cache.push(heads, &all[start..start + row], &all[start + row..start + 2 * row]);
        }
        let query: Vec<f32> = (0..heads.query * heads.width).map(|i| noise(i * 5 + 3)).collect();
        for length in [1, 15, 16, 17, 33, 40] {
            let mut out = vec![0.0; query.len()];
            cache.attend(heads, &query, length, &mut Vec::new(), &mut out);
            for head in 0..heads.query {
                let want = defined(&all, &query, heads, head, length);
                for (got, want) in out[head * heads.width..][..heads.width].iter().zip(&want) {
                    assert!((got - want).abs() < 1e-5, "length {length}, head {head}: {got} instead of {want}");
                }
            }
        }
    }

    /// softmax(q·Kᵀ / √d)·V, in f64, written out.
    fn defined(all: &[f32], query: &[f32], heads: Heads, head: usize, length: usize) -> Vec<f32> {
        let row = heads.key_value * heads.width;
        let at = head / (heads.query / heads.key_value) * heads.width;
        let key = |position: usize, i: usize| f64::from(all[position * row * 2 + at + i]);
        let value = |position: usize, i: usize| f64::from(all[position * row * 2 + row + at + i]);
        let dot = |p| (0..heads.width).map(|i| key(p, i) * f64::from(query[head * heads.width + i])).sum::<f64>();
        let weights: Vec<f64> = (0..length).map(|p| (dot(p) / (heads.width as f64).sqrt()).exp()).collect();
        let norm: f64 = weights.iter().sum();
        (0..heads.width).map(|i| (0..length).map(|p| weights[p] / norm * value(p, i)).sum::<f64>() as f32).collect()
    }
}
