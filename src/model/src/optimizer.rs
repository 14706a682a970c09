//! Optimisers that change parameters in place, and the clipping before them.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

mod adamw;
mod muon;

pub use adamw::{AdamW, Moments};
pub use muon::Muon;

/// Scales gradients together so that the norm of all of them is at most `limit`; returns the norm before, `[1]`.
///
/// This is `torch.nn.utils.clip_grad_norm_`: each tensor alone, as burn clips, would change their proportions.
pub fn clip_global_norm<B: Backend>(
    matrices: &mut [Tensor<B, 2>],
    vectors: &mut [Tensor<B, 1>],
    limit: f64,
) -> Option<Tensor<B, 1>> {
    let squares = matrices.iter().map(sum_of_squares).chain(vectors.iter().map(sum_of_squares));
    let norm = squares.reduce(|sum, square| sum + square)?.sqrt();
    let factor = ((norm.clone() + 1e-6).recip() * limit).clamp_max(1.0);
    for gradient in matrices {
        gradient.inplace(|gradient| gradient * factor.clone().unsqueeze());
    }
    for gradient in vectors {
        gradient.inplace(|gradient| gradient * factor.clone());
    }
    Some(norm)
}

fn sum_of_squares<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> Tensor<B, 1> {
    tensor.clone().square().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;
    use crate::tensors::to_vec;

    #[test]
    fn the_norm_is_taken_over_everything_together() {
        let device = Default::default();
        let mut matrices = [Tensor::<Cpu, 2>::from_floats([[3.0]], &device), Tensor::from_floats([[4.0]], &device)];
        let mut vectors = [Tensor::<Cpu, 1>::from_floats([12.0], &device)];
        let norm = clip_global_norm(&mut matrices, &mut vectors, 1.0).unwrap();
        assert_eq!(norm.into_scalar(), 13.0);
        let close = |value: f32, wanted: f32| (value - wanted).abs() < 1e-6;
        assert!(close(to_vec(&matrices[0])[0], 3.0 / 13.0) && close(to_vec(&vectors[0])[0], 12.0 / 13.0));
    }

    #[test]
    fn small_gradients_are_left_alone() {
        let mut matrices = [Tensor::<Cpu, 2>::from_floats([[0.3, -0.4]], &Default::default())];
        clip_global_norm(&mut matrices, &mut [], 1.0);
        assert_eq!(to_vec(&matrices[0]), vec![0.3, -0.4]);
        assert!(clip_global_norm::<Cpu>(&mut [], &mut [], 1.0).is_none());
    }
}
