//! Element-wise functions of the decoder, written so that the compiler turns them into vector instructions.
//!
//! Those on rows choose the instruction set themselves; the others are for use inside a [`WithSimd`].
#![allow(clippy::inline_always, reason = "they must be compiled into the dispatched instruction set")]

use pulp::{Simd, WithSimd};

pub(super) use crate::vector::softmax;
use crate::vector::{exp, exp_total, inverse_rms, max};

/// `y = x / √(mean(x²) + ε) · w` for every row of `x`, as transformers' `Qwen3RMSNorm`; rows are as wide as `weight`.
pub(super) fn rms_norm(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
    struct Rows<'a>(&'a [f32], &'a [f32], f32, &'a mut [f32]);
    impl WithSimd for Rows<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self(x, weight, eps, y) = self;
            for (x, y) in x.chunks_exact(weight.len()).zip(y.chunks_exact_mut(weight.len())) {
                let scale = inverse_rms(x, eps);
                for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
                    *y = x * scale * weight;
                }
            }
        }
    }
    pulp::Arch::new().dispatch(Rows(x, weight, eps, y));
}

/// [`rms_norm`] of one row that overwrites its input.
#[inline(always)]
pub(super) fn rms_norm_in_place(x: &mut [f32], weight: &[f32], eps: f32) {
    let scale = inverse_rms(x, eps);
    for (x, weight) in x.iter_mut().zip(weight) {
        *x = *x * scale * weight;
    }
}

/// `silu(gate) · up`, with `silu(g) = g / (1 + e⁻ᵍ)`; a row of `x` is a row of gates, then one of ups, `width` each.
pub(super) fn swiglu(x: &[f32], width: usize, y: &mut [f32]) {
    struct Rows<'a>(&'a [f32], usize, &'a mut [f32]);
    impl WithSimd for Rows<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self(x, width, y) = self;
            for (row, y) in x.chunks_exact(2 * width).zip(y.chunks_exact_mut(width)) {
                let (gate, up) = row.split_at(width);
                for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
                    *y = gate / (1.0 + exp(-gate)) * up;
                }
            }
        }
    }
    pulp::Arch::new().dispatch(Rows(x, width, y));
}

/// [`softmax`] that chooses the instruction set.
pub(super) fn softmax_row(x: &mut [f32], scale: f32) {
    struct Row<'a>(&'a mut [f32], f32);
    impl WithSimd for Row<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            softmax(self.0, self.1);
        }
    }
    pulp::Arch::new().dispatch(Row(x, scale));
}

/// `ln Σ eˣ`.
pub(super) fn log_sum_exp(x: &[f32]) -> f64 {
    struct Row<'a>(&'a [f32]);
    impl WithSimd for Row<'_> {
        type Output = f64;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> f64 {
            let highest = max(self.0);
            f64::from(highest) + f64::from(exp_total(self.0, highest)).ln()
        }
    }
    pulp::Arch::new().dispatch(Row(x))
}

/// Rotates the halves of one head by the angles of its position: RoPE as in Hugging Face's Qwen and Llama.
#[inline(always)]
pub(super) fn rotate(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (low, high) = head.split_at_mut(cos.len());
    for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_sum_exp_covers_whole_chunks_and_the_rest() {
        let x: Vec<f32> = (0..37).map(|i| i as f32 * 0.3 - 4.0).collect();
        let want = x.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln();
        assert!((log_sum_exp(&x) - want).abs() < 1e-6);
    }

    #[test]
    fn rms_norm_follows_its_definition() {
        let x: Vec<f32> = (1..=11).map(|i| i as f32).collect();
        let mut y = vec![0.0; 11];
        rms_norm(&x, &[2.0; 11], 0.0, &mut y);
        let rms = (x.iter().map(|x| x * x).sum::<f32>() / 11.0).sqrt();
        assert!((y[4] - 2.0 * 5.0 / rms).abs() < 1e-6);
        let mut z = x;
        rms_norm_in_place(&mut z, &[2.0; 11], 0.0);
        assert_eq!(y, z);
    }

    #[test]
    fn swiglu_follows_its_definition_in_every_row() {
        let mut y = [0.0; 4];
        swiglu(&[0.5, -1.0, 3.0, 4.0, 0.0, 1.0, 5.0, -2.0], 2, &mut y);
        let silu = |x: f32| x / (1.0 + (-x).exp());
        for (got, want) in y.iter().zip([silu(0.5) * 3.0, silu(-1.0) * 4.0, 0.0, silu(1.0) * -2.0]) {
            assert!((got - want).abs() < 1e-6);
        }
    }

    #[test]
    fn rotation_turns_pairs_half_a_head_apart() {
        let mut head = [1.0, 0.0, 0.0, 2.0];
        rotate(&mut head, &[0.0, 1.0], &[1.0, 0.0]);
        assert_eq!(head, [0.0, 0.0, 1.0, 2.0]);
    }
}
