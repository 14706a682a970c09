//! What the engine asks of a model: run tokens of many sequences in one step.

use crate::backend::Compute;
use crate::lora::LoraWeights;

/// Computes a decoder for batches of sequences that may use different adapters over one base.
///
/// A batch is ragged: a sequence in its prompt brings many tokens, one that is being continued brings one. Nothing is
/// padded, and a sequence's state is a value: dropping it frees the memory.
pub trait ModelRunner: Send + 'static {
    /// Keys and values of one sequence.
    type Cache: Send;
    /// An adapter in the form in which this runner applies it.
    type Adapter: Send + Sync;

    /// An empty cache with room for `positions` tokens.
    fn cache(&mut self, positions: usize) -> Self::Cache;

    /// A copy, with room for `positions` tokens: samples of one prompt share its computation.
    fn fork(&mut self, cache: &Self::Cache, positions: usize) -> Self::Cache;

    /// Prepares an adapter whose shapes were checked against this model.
    fn adapter(&mut self, weights: &LoraWeights<Compute>) -> Result<Self::Adapter, RunnerError>;

    /// Appends each segment's tokens to its cache and leaves the wanted logits in the segment.
    fn forward(&mut self, batch: &mut [Segment<'_, Self::Cache, Self::Adapter>]) -> Result<(), RunnerError>;
}

/// The tokens of one sequence that a step computes.
pub struct Segment<'a, C, A> {
    /// At least one.
    pub tokens: &'a [u32],
    /// `None` is the base model.
    pub adapter: Option<&'a A>,
    /// What the sequence has computed so far.
    pub cache: &'a mut C,
    /// Which logits to return.
    pub want: Want,
    /// Receives `[tokens or 1 or 0, vocabulary]`; what it held is replaced.
    pub logits: &'a mut Vec<f32>,
}

/// Positions of a segment whose logits are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// None: more of the prompt follows.
    Nothing,
    /// The last one, to sample the next token.
    Last,
    /// All, to score a text.
    All,
}

impl Want {
    /// Which of `count` positions are wanted.
    pub fn of(self, count: usize) -> std::ops::Range<usize> {
        match self {
            Self::Nothing => count..count,
            Self::Last => count.saturating_sub(1)..count,
            Self::All => 0..count,
        }
    }
}

/// Why a step could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Tensors could not be read back from the device.
    #[error("the device did not return a tensor: {0}")]
    Device(String),
    /// Weights are not 32-bit floats where these are needed.
    #[error("a weight is not a tensor of 32-bit floats: {0}")]
    Weights(String),
}
