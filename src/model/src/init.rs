//! Initial values, the same on every machine for the same seed.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::config::ModelConfig;
use crate::decoder::{Block, Decoder};
use crate::fused::FusedOps;
use crate::lora::{LoraLayer, LoraPair, LoraWeights, Projection};

/// Standard deviation of every initial weight (GPT-2's).
const DEVIATION: f32 = 0.02;

/// A decoder to be trained from nothing: weights N(0, 0.02²), norms 1, and the two projections that write
/// into the residual stream divided by √(2·layers) (Radford et al. 2019).
pub fn decoder<B: FusedOps>(config: &ModelConfig, seed: u64, device: &B::Device) -> Decoder<B> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = |rows: usize, columns: usize, deviation: f32| {
        let data: Vec<f32> = (0..rows * columns).map(|_| standard_normal(&mut rng) * deviation).collect();
        Tensor::from_data(TensorData::new(data, [rows, columns]), device)
    };
    let ones = |width: usize| Tensor::ones([width], device);
    let embedding = normal(config.vocab_size, config.hidden_size, DEVIATION);
    let residual = DEVIATION / (2.0 * config.layers as f32).sqrt();
    let blocks = (0..config.layers)
        .map(|_| {
            let mut linear = |projection: Projection| {
                let (inputs, outputs) = projection.shape(config);
                let writes = matches!(projection, Projection::O | Projection::Down);
                normal(inputs, outputs, if writes { residual } else { DEVIATION })
            };
            Block {
                input_norm: ones(config.hidden_size),
                q_proj: linear(Projection::Q),
                k_proj: linear(Projection::K),
                v_proj: linear(Projection::V),
                o_proj: linear(Projection::O),
                q_norm: ones(config.head_dim),
                k_norm: ones(config.head_dim),
                post_attention_norm: ones(config.hidden_size),
                gate_proj: linear(Projection::Gate),
                up_proj: linear(Projection::Up),
                down_proj: linear(Projection::Down),
            }
        })
        .collect();
    let lm_head = (!config.tied).then(|| normal(config.vocab_size, config.hidden_size, DEVIATION));
    Decoder { config: config.clone(), embedding, blocks, norm: ones(config.hidden_size), lm_head }
}

/// A fresh adapter of all seven projections: A uniform in ±1/√in, B zero, so that it changes nothing yet.
///
/// That is PEFT's default, `kaiming_uniform_(a=√5)`: the bound √(6 / ((1 + 5)·in)) is 1/√in.
pub fn lora<B: FusedOps>(
    config: &ModelConfig,
    rank: usize,
    alpha: f64,
    seed: u64,
    device: &B::Device,
) -> LoraWeights<B> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let layers = (0..config.layers)
        .map(|_| LoraLayer {
            pairs: Projection::ALL.map(|projection| {
                let (inputs, outputs) = projection.shape(config);
                let bound = 1.0 / (inputs as f32).sqrt();
                let data: Vec<f32> = (0..inputs * rank).map(|_| rng.random_range(-bound..bound)).collect();
                let a = Tensor::from_data(TensorData::new(data, [inputs, rank]), device);
                Some(LoraPair { a, b: Tensor::zeros([rank, outputs], device) })
            }),
        })
        .collect();
    LoraWeights { scale: alpha / rank as f64, layers }
}

/// One draw from N(0, 1) by Box and Muller's transform.
fn standard_normal(rng: &mut impl Rng) -> f32 {
    // 1 − u is in (0, 1], where the logarithm is finite.
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    ((-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;
    use crate::tensors::to_vec;
    use crate::testing::{tiny_config, tiny_decoder};

    #[test]
    fn a_seed_fixes_every_weight() {
        assert_eq!(tiny_decoder(3).to_tensors(), tiny_decoder(3).to_tensors());
        assert_ne!(tiny_decoder(3).to_tensors(), tiny_decoder(4).to_tensors());
    }

    #[test]
    fn normal_draws_have_the_right_spread() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let draws: Vec<f32> = (0..20_000).map(|_| standard_normal(&mut rng)).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / draws.len() as f32;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn a_fresh_adapter_is_bounded_in_a_and_zero_in_b() {
        let lora = lora::<Cpu>(&tiny_config(), 4, 8.0, 1, &Default::default());
        assert_eq!(lora.scale, 2.0);
        for pair in lora.layers.iter().flat_map(|layer| layer.pairs.iter().flatten()) {
            let bound = 1.0 / (pair.a.dims()[0] as f32).sqrt();
            let a = to_vec(&pair.a);
            assert!(a.iter().all(|x| x.abs() <= bound) && a.iter().any(|x| x.abs() > bound * 0.8));
            assert!(to_vec(&pair.b).iter().all(|x| *x == 0.0));
        }
    }
}
