//! Rotary position embeddings (Su et al. 2021): the angle of pair i at position t is `t / θ^(2i/d)`.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

/// Cosines and sines of `positions`, row by row: `[positions.len(), head_dim / 2]` each.
///
/// Angles are computed in 64 bits: at position 30,000 a 32-bit angle is off by a thousandth.
pub fn tables(theta: f64, head_dim: usize, positions: impl IntoIterator<Item = usize>) -> (Vec<f32>, Vec<f32>) {
    let frequencies: Vec<f64> =
        (0..head_dim / 2).map(|pair| theta.powf(-2.0 * pair as f64 / head_dim as f64)).collect();
    let angles = positions.into_iter().flat_map(|t| frequencies.iter().map(move |f| t as f64 * f).collect::<Vec<_>>());
    angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip()
}

/// Tables of some positions as tensors.
#[derive(Clone, Debug)]
pub struct RopeTable<B: Backend> {
    /// Cosines, `[positions, head_dim / 2]`.
    pub cos: Tensor<B, 2>,
    /// Sines, likewise.
    pub sin: Tensor<B, 2>,
}

impl<B: Backend> RopeTable<B> {
    /// Table of the given positions; repeated positions are allowed.
    pub fn new(theta: f64, head_dim: usize, positions: &[usize], device: &B::Device) -> Self {
        let (cos, sin) = tables(theta, head_dim, positions.iter().copied());
        let shape = [positions.len(), head_dim / 2];
        let table = |data: Vec<f32>| Tensor::from_data(TensorData::new(data, shape), device);
        Self { cos: table(cos), sin: table(sin) }
    }

    /// Table of positions `0..length`.
    pub fn up_to(theta: f64, head_dim: usize, length: usize, device: &B::Device) -> Self {
        Self::new(theta, head_dim, &(0..length).collect::<Vec<_>>(), device)
    }

    /// The first `length` positions.
    pub fn first(&self, length: usize) -> Self {
        Self { cos: self.cos.clone().narrow(0, 0, length), sin: self.sin.clone().narrow(0, 0, length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_position_is_not_rotated_and_the_last_pair_turns_slowest() {
        let (cos, sin) = tables(10_000.0, 4, [0, 1]);
        assert_eq!(cos[..2], [1.0, 1.0]);
        assert_eq!(sin[..2], [0.0, 0.0]);
        assert!((cos[2] - 1f32.cos()).abs() < 1e-7 && (sin[2] - 1f32.sin()).abs() < 1e-7);
        assert!((sin[3] - 0.01f32.sin()).abs() < 1e-8);
    }

    #[test]
    fn a_rotation_keeps_lengths_at_large_positions() {
        let (cos, sin) = tables(1e6, 128, [30_000]);
        assert!(cos.iter().zip(&sin).all(|(c, s)| (c * c + s * s - 1.0).abs() < 1e-6));
    }
}
