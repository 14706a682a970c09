//! Small decoders and adapters for the tests of this crate.

use burn::tensor::Tensor;

use crate::backend::Cpu;
use crate::config::ModelConfig;
use crate::decoder::Decoder;
use crate::init;

/// Two blocks, 16 wide, 40 tokens.
pub(crate) fn tiny_config() -> ModelConfig {
    ModelConfig {
        hidden_size: 16,
        intermediate_size: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        max_positions: 64,
        ..ModelConfig::seedling(40)
    }
}

/// A random decoder of [`tiny_config`].
pub(crate) fn tiny_decoder(seed: u64) -> Decoder<Cpu> {
    init::decoder(&tiny_config(), seed, &Default::default())
}

/// Largest absolute difference of two tensors.
pub(crate) fn difference<const D: usize>(a: &Tensor<Cpu, D>, b: &Tensor<Cpu, D>) -> f32 {
    (a.clone() - b.clone()).abs().max().into_scalar()
}
