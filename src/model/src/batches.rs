//! Sequences, and the batches in which they are trained on.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// One text as tokens, with the weight of each token's loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// The tokens, at least two.
    pub tokens: Vec<u32>,
    /// `weights[i]` is how much predicting `tokens[i + 1]` counts; one shorter than `tokens`.
    pub weights: Vec<f32>,
}

impl Sequence {
    /// `prompt` then `answer`, whose tokens count `prompt_weight` and 1.
    ///
    /// The last prompt token predicts the first answer token, so the answer's weights begin one position
    /// before the answer does.
    pub fn new(prompt: &[u32], answer: &[u32], prompt_weight: f32) -> Self {
        let predicted = prompt.len().saturating_sub(1);
        let mut weights = vec![prompt_weight; predicted];
        weights.resize((prompt.len() + answer.len()).saturating_sub(1), 1.0);
        Self { tokens: [prompt, answer].concat(), weights }
    }
}

/// A batch as tensors.
#[derive(Clone, Debug)]
pub struct Batch<B: Backend> {
    /// Inputs, padded on the right, `[rows, length]`.
    pub ids: Tensor<B, 2, Int>,
    /// Positions in the flattened `[rows · length]` whose predictions count, `[N]`.
    pub positions: Tensor<B, 1, Int>,
    /// What each of them should predict, `[N]`.
    pub targets: Tensor<B, 1, Int>,
    /// How much each counts, `[N]`.
    pub weights: Tensor<B, 1>,
    /// Tokens without padding.
    pub tokens: usize,
}

impl<B: Backend> Batch<B> {
    /// Pads `sequences` to the longest of them.
    ///
    /// The last token of a sequence is only ever predicted, so inputs are one shorter than sequences. Attention
    /// is causal: what is padded on the right changes nothing before it, and any token will do.
    pub fn new(sequences: &[&Sequence], device: &B::Device) -> Self {
        let length = sequences.iter().map(|sequence| sequence.weights.len()).max().unwrap_or(0);
        let mut ids = vec![0i32; sequences.len() * length];
        let (mut positions, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (row, sequence) in sequences.iter().enumerate() {
            let start = row * length;
            for (index, weight) in sequence.weights.iter().enumerate() {
                ids[start + index] = sequence.tokens[index] as i32;
                if *weight > 0.0 {
                    positions.push((start + index) as i32);
                    targets.push(sequence.tokens[index + 1] as i32);
                    weights.push(*weight);
                }
            }
        }
        let count = positions.len();
        Self {
            ids: Tensor::from_data(TensorData::new(ids, [sequences.len(), length]), device),
            positions: Tensor::from_data(TensorData::new(positions, [count]), device),
            targets: Tensor::from_data(TensorData::new(targets, [count]), device),
            weights: Tensor::from_data(TensorData::new(weights, [count]), device),
            tokens: sequences.iter().map(|sequence| sequence.tokens.len()).sum(),
        }
    }
}

/// In which order an epoch goes through its sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPlan {
    /// Sequences in a batch.
    pub size: usize,
    /// Batches that are sorted by length together: enough to pad little, few enough to stay random.
    pub chunk: usize,
    /// Leave out what does not fill a chunk.
    pub whole_chunks: bool,
}

impl BatchPlan {
    /// Batches of one epoch as indices into `lengths`.
    ///
    /// A pure function of its arguments: a run that resumes in the middle of an epoch computes the same batches
    /// again instead of storing the state of a generator.
    pub fn epoch(&self, lengths: &[usize], seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(epoch);
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.shuffle(&mut rng);
        let chunk = self.size * self.chunk;
        let mut batches = Vec::new();
        for part in order.chunks(chunk) {
            if self.whole_chunks && part.len() < chunk && !batches.is_empty() {
                break;
            }
            let mut part = part.to_vec();
            part.sort_by_key(|index| lengths[*index]);
            batches.extend(part.chunks(self.size).map(<[usize]>::to_vec));
        }
        batches.shuffle(&mut rng);
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;

    const PLAN: BatchPlan = BatchPlan { size: 4, chunk: 3, whole_chunks: false };

    #[test]
    fn weights_begin_where_the_answer_is_predicted() {
        let sequence = Sequence::new(&[1, 5, 6], &[7, 2], 0.15);
        assert_eq!(sequence.tokens, vec![1, 5, 6, 7, 2]);
        assert_eq!(sequence.weights, vec![0.15, 0.15, 1.0, 1.0]);
    }

    #[test]
    fn a_batch_holds_each_target_beside_its_own_position() {
        let (a, b) = (Sequence::new(&[1, 5], &[7, 2], 0.0), Sequence::new(&[1], &[9], 0.0));
        let batch = Batch::<Cpu>::new(&[&a, &b], &Default::default());
        let ints = |tensor: Tensor<Cpu, 1, Int>| tensor.into_data().iter::<i64>().collect::<Vec<_>>();
        assert_eq!(batch.ids.dims(), [2, 3]);
        assert_eq!(ints(batch.ids.reshape([6])), vec![1, 5, 7, 1, 0, 0]);
        assert_eq!(ints(batch.positions), vec![1, 2, 3]);
        assert_eq!(ints(batch.targets), vec![7, 2, 9]);
        assert_eq!(batch.tokens, 6);
    }

    #[test]
    fn an_epoch_takes_every_sequence_once_and_pads_little() {
        let lengths: Vec<usize> = (0..50).map(|i| i * 7 % 31).collect();
        let batches = PLAN.epoch(&lengths, 1, 0);
        let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
        assert_eq!(batches.len(), 13);
    }

    #[test]
    fn batches_are_a_function_of_seed_and_epoch() {
        let lengths: Vec<usize> = (0..50).collect();
        assert_eq!(PLAN.epoch(&lengths, 1, 2), PLAN.epoch(&lengths, 1, 2));
        assert_ne!(PLAN.epoch(&lengths, 1, 2), PLAN.epoch(&lengths, 1, 3));
        assert_ne!(PLAN.epoch(&lengths, 1, 2), PLAN.epoch(&lengths, 2, 2));
    }

    #[test]
    fn incomplete_chunks_are_left_out_only_after_a_whole_one() {
        let plan = BatchPlan { whole_chunks: true, ..PLAN };
        assert_eq!(plan.epoch(&[1; 50], 1, 0).len(), 12);
        assert_eq!(plan.epoch(&[1; 5], 1, 0).len(), 2);
    }
}
