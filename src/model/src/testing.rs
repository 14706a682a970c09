//! Small decoders and adapters for the tests of this crate.

mod operator;
pub(crate) mod place;

use burn::tensor::Tensor;

pub(crate) use self::operator::Operator;
use crate::backend::Cpu;
use crate::config::ModelConfig;
use crate::decoder::Decoder;
use crate::init;

/// Two blocks, 16 wide, 40 tokens.
pub(crate) fn tiny_config() -> ModelConfig {
    place::tiny_config(40)
}

/// A random decoder of [`tiny_config`].
pub(crate) fn tiny_decoder(seed: u64) -> Decoder<Cpu> {
    init::decoder(&tiny_config(), seed, &Default::default())
}

/// Largest absolute difference of two tensors.
pub(crate) fn difference<const D: usize>(a: &Tensor<Cpu, D>, b: &Tensor<Cpu, D>) -> f32 {
    (a.clone() - b.clone()).abs().max().into_scalar()
}
