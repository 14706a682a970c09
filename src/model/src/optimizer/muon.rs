//! Muon (Jordan et al. 2024): momentum whose singular values are made equal before each step.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Coefficients of the quintic iteration, chosen by Jordan for the steepest slope at zero.
const QUINTIC: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);
/// Iterations: singular values end between about 0.7 and 1.2.
const ITERATIONS: usize = 5;

/// Constants of Muon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// Decay of the running sum of gradients.
    pub momentum: f64,
    /// Share of a parameter that a step of rate 1 takes away.
    pub weight_decay: f64,
}

impl Muon {
    /// The shipped base model was trained with these.
    pub const PRETRAINING: Self = Self { momentum: 0.95, weight_decay: 0.02 };

    /// Changes a weight `[in, out]` by its gradient.
    pub fn update<B: Backend>(
        &self,
        parameter: &mut Tensor<B, 2>,
        gradient: Tensor<B, 2>,
        momentum: &mut Tensor<B, 2>,
        rate: f64,
    ) {
        let [inputs, outputs] = parameter.dims();
        momentum.inplace(|momentum| momentum * self.momentum + gradient.clone());
        let direction = orthogonalise(gradient + momentum.clone() * self.momentum);
        // A wide output gets steps as large, in the root mean square of its activations, as a square matrix.
        let stretch = (outputs as f64 / inputs as f64).max(1.0).sqrt();
        let decay = 1.0 - rate * self.weight_decay;
        parameter.inplace(|parameter| parameter * decay - direction * (rate * stretch));
    }
}

/// About `U·Vᵀ` of `G = U·S·Vᵀ`, by Newton and Schulz's iteration.
fn orthogonalise<B: Backend>(gradient: Tensor<B, 2>) -> Tensor<B, 2> {
    let [rows, columns] = gradient.dims();
    let norm = gradient.clone().square().sum().sqrt() + 1e-7;
    let scaled = gradient / norm.unsqueeze();
    // The products are smaller on the short side.
    let mut x = if rows > columns { scaled.transpose() } else { scaled };
    let (a, b, c) = QUINTIC;
    for _ in 0..ITERATIONS {
        let gram = x.clone().matmul(x.clone().transpose());
        let polynomial = gram.clone().matmul(gram.clone()) * c + gram * b;
        x = polynomial.matmul(x.clone()) + x * a;
    }
    if rows > columns { x.transpose() } else { x }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::backend::Cpu;
    use crate::tensors::to_vec;

    fn matrix(rows: usize, columns: usize) -> Tensor<Cpu, 2> {
        let data: Vec<f32> = (0..rows * columns).map(|i| ((i * i) as f32 * 1.7).sin() * 5.0).collect();
        Tensor::from_data(TensorData::new(data, [rows, columns]), &Default::default())
    }

    #[test]
    fn singular_values_become_nearly_one() {
        for (rows, columns) in [(4, 9), (9, 4)] {
            let x = orthogonalise(matrix(rows, columns));
            let gram = if rows > columns { x.clone().transpose().matmul(x) } else { x.clone().matmul(x.transpose()) };
            for (index, value) in to_vec(&gram).iter().enumerate() {
                let diagonal = index % 5 == 0;
                assert!(if diagonal { (0.3..1.6).contains(value) } else { value.abs() < 0.5 }, "{index}: {value}");
            }
        }
    }

    #[test]
    fn a_step_does_not_depend_on_the_size_of_the_gradient() {
        let step = |scale: f64| {
            let mut weight = Tensor::zeros([4, 8], &Default::default());
            let mut momentum = Tensor::zeros([4, 8], &Default::default());
            Muon::PRETRAINING.update(&mut weight, matrix(4, 8) * scale, &mut momentum, 0.02);
            weight
        };
        assert!(crate::testing::difference(&step(1.0), &step(1e-3)) < 1e-4);
    }
}
