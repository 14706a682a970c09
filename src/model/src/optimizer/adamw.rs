//! AdamW (Loshchilov and Hutter 2019) as PyTorch computes it.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Constants of AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Decay of the running mean of gradients.
    pub beta1: f64,
    /// Decay of the running mean of their squares.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Share of a parameter that a step of rate 1 takes away.
    pub weight_decay: f64,
}

/// Running means for one tensor.
#[derive(Clone, Debug)]
pub struct Moments<B: Backend, const D: usize> {
    /// Of gradients.
    pub first: Tensor<B, D>,
    /// Of their squares.
    pub second: Tensor<B, D>,
}

impl<B: Backend, const D: usize> Moments<B, D> {
    /// Zeros for a parameter.
    pub fn zeros(parameter: &Tensor<B, D>) -> Self {
        Self { first: parameter.zeros_like(), second: parameter.zeros_like() }
    }
}

impl AdamW {
    /// For adapters: a short run of small batches wants a short memory of squares, and no decay.
    pub const ADAPTER: Self = Self { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.0 };
    /// For what Muon does not train.
    pub const PRETRAINING: Self = Self { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.0 };

    /// Changes `parameter` by its gradient; `step` counts from 1.
    pub fn update<B: Backend, const D: usize>(
        &self,
        parameter: &mut Tensor<B, D>,
        gradient: Tensor<B, D>,
        moments: &mut Moments<B, D>,
        step: usize,
        rate: f64,
    ) {
        moments.first.inplace(|first| first * self.beta1 + gradient.clone() * (1.0 - self.beta1));
        moments.second.inplace(|second| second * self.beta2 + gradient.square() * (1.0 - self.beta2));
        let correction1 = 1.0 - self.beta1.powi(step as i32);
        let correction2 = 1.0 - self.beta2.powi(step as i32);
        let root = (moments.second.clone() / correction2).sqrt() + self.epsilon;
        let change = moments.first.clone() / root * (rate / correction1);
        parameter.inplace(|parameter| parameter * (1.0 - rate * self.weight_decay) - change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;
    use crate::tensors::to_vec;

    /// The same arithmetic in 64 bits on one number.
    fn reference(gradients: &[f64], optimizer: AdamW, rate: f64) -> f64 {
        let (mut x, mut m, mut v) = (1.0, 0.0, 0.0);
        for (index, g) in gradients.iter().enumerate() {
            m = optimizer.beta1 * m + (1.0 - optimizer.beta1) * g;
            v = optimizer.beta2 * v + (1.0 - optimizer.beta2) * g * g;
            let t = index as i32 + 1;
            let (m_hat, v_hat) = (m / (1.0 - optimizer.beta1.powi(t)), v / (1.0 - optimizer.beta2.powi(t)));
            x = x * (1.0 - rate * optimizer.weight_decay) - rate * m_hat / (v_hat.sqrt() + optimizer.epsilon);
        }
        x
    }

    #[test]
    fn twenty_steps_equal_the_reference() {
        let optimizer = AdamW { weight_decay: 0.1, ..AdamW::ADAPTER };
        let gradients: Vec<f64> = (0..20).map(|i| (f64::from(i) * 0.7).sin()).collect();
        let mut x = Tensor::<Cpu, 1>::ones([1], &Default::default());
        let mut moments = Moments::zeros(&x);
        for (index, g) in gradients.iter().enumerate() {
            let gradient = Tensor::from_floats([*g as f32], &Default::default());
            optimizer.update(&mut x, gradient, &mut moments, index + 1, 0.01);
        }
        let want = reference(&gradients, optimizer, 0.01);
        assert!((f64::from(to_vec(&x)[0]) - want).abs() < 1e-6, "{} {want}", to_vec(&x)[0]);
    }

    #[test]
    fn the_first_step_has_the_size_of_the_rate_whatever_the_gradient() {
        for scale in [1e-4, 1e4] {
            let mut x = Tensor::<Cpu, 1>::zeros([1], &Default::default());
            let mut moments = Moments::zeros(&x);
            let gradient = Tensor::from_floats([scale as f32], &Default::default());
            AdamW::ADAPTER.update(&mut x, gradient, &mut moments, 1, 0.01);
            assert!((to_vec(&x)[0] + 0.01).abs() < 1e-5);
        }
    }
}
