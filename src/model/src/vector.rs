//! Arithmetic on slices that the compiler turns into vector instructions; shared by trainer and server.
//!
//! Sums run in sixteen lanes: floating-point addition may not be reordered, so a single running sum would stay
//! scalar. All of it is to be called from a [`pulp::WithSimd`], and is always inlined there: anything else is compiled
//! for processors without AVX and FMA, where a fused multiply-add is a slow function call.
#![allow(clippy::inline_always, reason = "it decides for which instruction set the code is compiled")]

const LANES: usize = 16;

/// `Σ aᵢ·bᵢ`.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] = a[lane].mul_add(b[lane], sums[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// `1 / √(mean(x²) + ε)`.
#[inline(always)]
pub(crate) fn inverse_rms(x: &[f32], epsilon: f32) -> f32 {
    1.0 / (dot(x, x) / x.len() as f32 + epsilon).sqrt()
}

/// Largest number; −∞ of none.
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    for chunk in chunks {
        for lane in 0..LANES {
            largest[lane] = larger(largest[lane], chunk[lane]);
        }
    }
    rest.iter().chain(&largest).fold(f32::NEG_INFINITY, |a, b| larger(a, *b))
}

/// Replaces x by `exp(scale·(x − max))` and returns the sum.
#[inline(always)]
pub(crate) fn exp_sum(x: &mut [f32], max: f32, scale: f32) -> f32 {
    let (chunks, rest) = x.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            chunk[lane] = exp((chunk[lane] - max) * scale);
            sums[lane] += chunk[lane];
        }
    }
    let mut sum = 0.0;
    for x in rest {
        *x = exp((*x - max) * scale);
        sum += *x;
    }
    sums.iter().sum::<f32>() + sum
}

/// `Σ exp(x − max)`.
#[inline(always)]
pub(crate) fn exp_total(x: &[f32], max: f32) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += exp(chunk[lane] - max);
        }
    }
    let mut sum = 0.0;
    for x in rest {
        sum += exp(*x - max);
    }
    sums.iter().sum::<f32>() + sum
}

/// Softmax of `scale·x`, in place.
#[inline(always)]
pub(crate) fn softmax(x: &mut [f32], scale: f32) {
    let norm = 1.0 / exp_sum(x, max(x), scale);
    for x in x.iter_mut() {
        *x *= norm;
    }
}

/// `eˣ` with a relative error below 2.5e-7, without branches or calls, by range reduction and the polynomial of Cephes'
/// `expf`.
///
/// Outside [−87, 88] it saturates instead of reaching 0 or ∞.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ leaves the nearest integer in the low bits of the sum.
    const SHIFT: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, SHIFT);
    let n = shifted - SHIFT;
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

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for i in -87_000..88_000 {
            let x = i as f32 / 1000.0;
            let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((got - want).abs() <= want * 2.5e-7, "{x}: {got} {want}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e9) < 1e-37 && exp(1e9).is_finite());
    }

    #[test]
    fn sums_and_maxima_cover_whole_chunks_and_the_rest() {
        let x: Vec<f32> = (0..37).map(|i| i as f32).collect();
        assert_eq!(dot(&x, &x), (0..37).map(|i| (i * i) as f32).sum::<f32>());
        assert_eq!(max(&x), 36.0);
        assert_eq!(max(&[]), f32::NEG_INFINITY);
        let mut shifted = x.clone();
        let sum = exp_sum(&mut shifted, 36.0, 1.0);
        assert!((sum - 1.0 / (1.0 - (-1f32).exp())).abs() < 1e-5);
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_ratios() {
        let mut x: Vec<f32> = (0..19).map(|i| i as f32).collect();
        softmax(&mut x, 0.5);
        assert!((x.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((x[18] / x[17] - 0.5_f32.exp()).abs() < 1e-5);
    }
}
