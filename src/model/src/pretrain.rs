//! Pre-training of a small decoder from nothing.

use burn::backend::Autodiff;
use burn::tensor::{ElementConversion, Tensor};

use crate::batches::{Batch, BatchPlan, Sequence};
use crate::config::ModelConfig;
use crate::decoder::Decoder;
use crate::fused::FusedOps;
use crate::init;
use crate::optimizer::{AdamW, Moments, Muon, clip_global_norm};
use crate::schedule::Schedule;
use crate::train::{CLIP, StepReport, TrainError};

/// Hyper-parameters of a pre-training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PretrainRecipe {
    /// Steps; a fixed number, so that a run is the same on any machine.
    pub steps: usize,
    /// Documents in a batch.
    pub batch_size: usize,
    /// Weight of a token before the answer; the answer's tokens count 1.
    pub prompt_weight: f32,
    /// Peak learning rate of AdamW, for the embedding and the norms.
    pub adamw_rate: f64,
    /// Peak learning rate of Muon, for the linear weights.
    pub muon_rate: f64,
    /// Steps of the way up to the peak rates.
    pub warmup: usize,
    /// Seed of the initial weights and of the order of batches.
    pub seed: u64,
}

impl Default for PretrainRecipe {
    /// The recipe of the shipped base model.
    fn default() -> Self {
        Self {
            steps: 860,
            batch_size: 64,
            prompt_weight: 0.15,
            adamw_rate: 3e-3,
            muon_rate: 0.02,
            warmup: 100,
            seed: 1,
        }
    }
}

/// Batches sorted by length together.
const CHUNK: usize = 32;

/// Trains a decoder of shape `config` on `documents` and reports every step.
///
/// Linear weights are trained by Muon, embeddings and norms by AdamW; gradients are clipped to a global norm of 1.
pub fn pretrain<B: FusedOps>(
    config: &ModelConfig,
    documents: &[Sequence],
    recipe: &PretrainRecipe,
    device: &B::Device,
    mut progress: impl FnMut(StepReport),
) -> Result<Decoder<B>, TrainError> {
    let lengths: Vec<usize> = documents.iter().map(|document| document.tokens.len()).collect();
    let plan = BatchPlan { size: recipe.batch_size, chunk: CHUNK, whole_chunks: true };
    let batches = (0..).flat_map(|epoch| plan.epoch(&lengths, recipe.seed, epoch));
    let mut run = Run::<B>::new(init::decoder(config, recipe.seed, device), lengths.iter().copied().max().unwrap_or(1));
    for (step, rows) in batches.take(recipe.steps).enumerate() {
        let rows: Vec<&Sequence> = rows.iter().map(|row| &documents[*row]).collect();
        let batch = Batch::<Autodiff<B>>::new(&rows, device);
        let tokens = batch.tokens;
        let factor = Schedule::Flat { warmup: recipe.warmup }.factor(step, recipe.steps);
        let loss = run.step(batch, step + 1, factor * recipe.adamw_rate, factor * recipe.muon_rate);
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: step + 1, loss, rate: recipe.muon_rate });
        }
        progress(StepReport { step: step + 1, loss, rate: factor * recipe.muon_rate, tokens });
    }
    Ok(run.decoder)
}

/// Parameters and the optimisers' memory of them.
struct Run<B: FusedOps> {
    decoder: Decoder<B>,
    momenta: Vec<Tensor<B, 2>>,
    embedding_moments: Vec<Moments<B, 2>>,
    norm_moments: Vec<Moments<B, 1>>,
    longest: usize,
}

impl<B: FusedOps> Run<B> {
    fn new(decoder: Decoder<B>, longest: usize) -> Self {
        let momenta = decoder.linear_weights().map(Tensor::zeros_like).collect();
        let embedding_moments = decoder.embeddings().map(Moments::zeros).collect();
        let norm_moments = decoder.norms().map(Moments::zeros).collect();
        Self { decoder, momenta, embedding_moments, norm_moments, longest }
    }

    /// One step; returns the loss before it.
    fn step(&mut self, batch: Batch<Autodiff<B>>, step: usize, adamw_rate: f64, muon_rate: f64) -> f64 {
        let tracked: Decoder<Autodiff<B>> = self.decoder.map(
            |matrix| Tensor::from_inner(matrix.clone()).require_grad(),
            |vector| Tensor::from_inner(vector.clone()).require_grad(),
        );
        let loss = tracked.loss(batch, &tracked.rope(self.longest), None);
        let mut grads = loss.backward();
        let linear_count = self.momenta.len();
        let matrices = tracked.linear_weights().chain(tracked.embeddings());
        let mut matrices: Vec<Tensor<B, 2>> = matrices
            .map(|weight| weight.grad_remove(&mut grads).unwrap_or_else(|| weight.clone().inner().zeros_like()))
            .collect();
        let mut norms: Vec<Tensor<B, 1>> = tracked
            .norms()
            .map(|weight| weight.grad_remove(&mut grads).unwrap_or_else(|| weight.clone().inner().zeros_like()))
            .collect();
        // The optimisers change parameters in place where nothing else holds them.
        drop((tracked, grads));
        clip_global_norm(&mut matrices, &mut norms, CLIP);
        let embeddings = matrices.split_off(linear_count);

        for ((weight, gradient), momentum) in self.decoder.linear_weights_mut().zip(matrices).zip(&mut self.momenta) {
            Muon::PRETRAINING.update(weight, gradient, momentum, muon_rate);
        }
        for ((weight, gradient), moments) in
            self.decoder.embeddings_mut().zip(embeddings).zip(&mut self.embedding_moments)
        {
            AdamW::PRETRAINING.update(weight, gradient, moments, step, adamw_rate);
        }
        for ((weight, gradient), moments) in self.decoder.norms_mut().zip(norms).zip(&mut self.norm_moments) {
            AdamW::PRETRAINING.update(weight, gradient, moments, step, adamw_rate);
        }
        loss.into_scalar().elem()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;
    use crate::testing::tiny_config;

    fn documents() -> Vec<Sequence> {
        (0..64u32).map(|i| Sequence::new(&[1, 3 + i % 8], &[11 + i % 8, 20 + i % 8, 2], 0.15)).collect()
    }

    fn run(steps: usize, seed: u64) -> (Vec<f64>, Decoder<Cpu>) {
        let recipe = PretrainRecipe { steps, batch_size: 8, warmup: 5, seed, ..PretrainRecipe::default() };
        let mut losses = Vec::new();
        let decoder =
            pretrain(&tiny_config(), &documents(), &recipe, &Default::default(), |report| losses.push(report.loss));
        (losses, decoder.unwrap())
    }

    #[test]
    fn a_simple_rule_is_learned() {
        let (losses, _) = run(200, 1);
        assert_eq!(losses.len(), 200);
        // ln 40 to begin with; what remains is the prompt's own choice among eight.
        assert!(losses[0] > 3.4 && losses[199] < 0.6, "{} → {}", losses[0], losses[199]);
    }

    #[test]
    fn a_seed_fixes_the_result() {
        assert_eq!(run(3, 1).1.to_tensors(), run(3, 1).1.to_tensors());
        assert_ne!(run(3, 1).1.to_tensors(), run(3, 2).1.to_tensors());
    }
}
