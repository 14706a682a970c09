//! Copies that change the order of dimensions.

use rayon::prelude::*;

/// `[B, heads, length, dim]` to `[B, length, heads, dim]`.
pub fn by_token(x: &[f32], heads: usize, length: usize, dim: usize) -> Vec<f32> {
    let sequence = heads * length * dim;
    let mut out = vec![0.0; x.len()];
    out.par_chunks_exact_mut(sequence).zip(x.par_chunks_exact(sequence)).for_each(|(out, x)| {
        for (position, token) in out.chunks_exact_mut(heads * dim).enumerate() {
            for (head, out) in token.chunks_exact_mut(dim).enumerate() {
                let start = (head * length + position) * dim;
                out.copy_from_slice(&x[start..start + dim]);
            }
        }
    });
    out
}
