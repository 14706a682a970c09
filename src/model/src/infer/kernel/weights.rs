//! The decoder's weights, packed once for the CPU runner.

use burn::tensor::Tensor;

use super::lora::SITES;
use super::matmul::PackedMatrix;
use crate::backend::Compute;
use crate::decoder::{Block, Decoder};
use crate::infer::runner::RunnerError;
use crate::lora::Projection;

/// All weights of a decoder.
pub(super) struct Weights {
    /// `[vocab, hidden]`, to look tokens up.
    pub embedding: Vec<f32>,
    pub blocks: Vec<BlockWeights>,
    pub norm: Vec<f32>,
    /// Output projection.
    pub head: PackedMatrix,
}

/// Weights of one block; products that read the same input are fused.
pub(super) struct BlockWeights {
    pub input_norm: Vec<f32>,
    pub query_norm: Vec<f32>,
    pub key_norm: Vec<f32>,
    pub post_attention_norm: Vec<f32>,
    /// One for each of [`SITES`].
    pub products: [PackedMatrix; 4],
}

impl Weights {
    pub fn pack(decoder: &Decoder<Compute>) -> Result<Self, RunnerError> {
        let (vocabulary, hidden) = (decoder.config.vocab_size, decoder.config.hidden_size);
        let output = floats(decoder.output_embedding())?;
        Ok(Self {
            embedding: floats(&decoder.embedding)?,
            blocks: decoder.blocks.iter().map(BlockWeights::pack).collect::<Result<_, _>>()?,
            norm: floats(&decoder.norm)?,
            head: PackedMatrix::pack(vocabulary, hidden, |token, i| output[token * hidden + i]),
        })
    }
}

impl BlockWeights {
    fn pack(block: &Block<Compute>) -> Result<Self, RunnerError> {
        let [qkv, o, gate_up, down] = SITES.map(|site| fuse(block, site));
        Ok(Self {
            input_norm: floats(&block.input_norm)?,
            query_norm: floats(&block.q_norm)?,
            key_norm: floats(&block.k_norm)?,
            post_attention_norm: floats(&block.post_attention_norm)?,
            products: [qkv?, o?, gate_up?, down?],
        })
    }
}

/// The weights of `site` side by side, `[in, Σ out]`.
fn fuse(block: &Block<Compute>, site: &[Projection]) -> Result<PackedMatrix, RunnerError> {
    let mut columns = Vec::new();
    let mut inputs = 0;
    for projection in site {
        let weight = block.projection(*projection);
        let [rows, outputs] = weight.dims();
        let values = floats(weight)?;
        inputs = rows;
        columns.extend((0..outputs).map(|o| (0..rows).map(|i| values[i * outputs + o]).collect::<Vec<f32>>()));
    }
    Ok(PackedMatrix::pack(columns.len(), inputs, |output, input| columns[output][input]))
}

/// The elements of a tensor, row by row.
pub(super) fn floats<const D: usize>(tensor: &Tensor<Compute, D>) -> Result<Vec<f32>, RunnerError> {
    tensor.to_data().convert::<f32>().to_vec().map_err(|error| RunnerError::Weights(format!("{error:?}")))
}
