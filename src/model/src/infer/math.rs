//! Element-wise functions of the decoder, written so that the compiler turns them into vector instructions.
//!
//! Those on rows choose the instruction set themselves; the others are for use inside a [`WithSimd`].
#![allow(clippy::inline_always, reason = "they must be compiled into the dispatched instruction set")]

use pulp::{Simd, WithSimd};

/// Partial sums kept side by side, so that a reduction needs no chain of dependent additions.
const LANES: usize = 8;

/// eˣ with a relative error below 2e-7, by range reduction and the polynomial of Cephes' `expf`.
///
/// Results below the smallest normal number are cut to about 1.2e-38.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and subtracting 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let p = 1.987_569_1e-4_f32;
    let p = p.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_6e-1);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r * r, r + 1.0);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    p * power
}

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

#[inline(always)]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    let squares = sum(x, |x| x * x);
    1.0 / (squares / x.len() as f32 + eps).sqrt()
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

/// Softmax of `scale · x`, in place.
#[inline(always)]
pub(super) fn softmax(x: &mut [f32], scale: f32) {
    let highest = max(x);
    for x in x.iter_mut() {
        *x = exp((*x - highest) * scale);
    }
    let norm = 1.0 / sum(x, |x| x);
    for x in x.iter_mut() {
        *x *= norm;
    }
}

/// Rotates the halves of one head by the angles of its position: RoPE as in Hugging Face's Qwen and Llama.
#[inline(always)]
pub(super) fn rotate(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (low, high) = head.split_at_mut(cos.len());
    for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

#[inline(always)]
fn sum(x: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut partial = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            partial[lane] += term(chunk[lane]);
        }
    }
    partial.iter().sum::<f32>() + rest.iter().map(|x| term(*x)).sum::<f32>()
}

#[inline(always)]
fn max(x: &[f32]) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut partial = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            partial[lane] = partial[lane].max(chunk[lane]);
        }
    }
    partial.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for step in -8_700..=8_800 {
            let x = step as f32 / 100.0;
            let want = f64::from(x).exp();
            let error = (f64::from(exp(x)) - want).abs() / want;
            assert!(error < 3e-7, "exp({x}) is off by {error:.1e}");
        }
        assert!(exp(-1e4) < 1e-37);
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_ratios() {
        let mut x: Vec<f32> = (0..19).map(|i| i as f32).collect();
        softmax(&mut x, 0.5);
        assert!((x.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((x[18] / x[17] - 0.5_f32.exp()).abs() < 1e-5);
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
