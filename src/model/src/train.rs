//! Training an adapter.

use burn::backend::Autodiff;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::backend::Device;
use crate::batches::{Batch, BatchPlan, Sequence};
use crate::decoder::Decoder;
use crate::fused::FusedOps;
use crate::init;
use crate::lora::{LoraWeights, Projection};
use crate::optimizer::{AdamW, Moments, clip_global_norm};
use crate::rope::RopeTable;
use crate::schedule::Schedule;
use crate::tensors::{TensorError, TensorSet};

/// Limit of the global gradient norm.
pub const CLIP: f64 = 1.0;
/// Batches sorted by length together.
const CHUNK: usize = 16;

/// Why a run cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A hyper-parameter out of range.
    #[error("{name} is {value}: {rule}")]
    Recipe {
        /// Which.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// The loss left the numbers.
    #[error("the loss is {loss} at step {step}: the run diverged. Try a learning rate below {rate:e}")]
    Diverged {
        /// Counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
        /// Peak learning rate of the run.
        rate: f64,
    },
    /// A checkpoint of another run, or damaged.
    #[error("the checkpoint cannot be resumed from: {0}")]
    Checkpoint(String),
}

impl From<TensorError> for TrainError {
    fn from(error: TensorError) -> Self {
        Self::Checkpoint(error.to_string())
    }
}

/// Hyper-parameters of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoraRecipe {
    /// Rank of the factors.
    pub rank: usize,
    /// Scale of their product, times the rank.
    pub alpha: f64,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Passes over the dataset.
    pub epochs: usize,
    /// Sequences in a batch.
    pub batch_size: usize,
    /// Seed of the initial factors and of the order of batches.
    pub seed: u64,
}

impl LoraRecipe {
    /// Refuses values that cannot train this decoder.
    pub fn check<B: FusedOps>(&self, base: &Decoder<B>) -> Result<(), TrainError> {
        let refuse = |name, value: String, rule: String| Err(TrainError::Recipe { name, value, rule });
        let shapes = Projection::ALL.map(|projection| projection.shape(&base.config));
        let narrowest = shapes.iter().map(|(inputs, outputs)| inputs.min(outputs)).min().copied().unwrap_or(0);
        if self.rank == 0 || self.rank > narrowest {
            let rule = format!("it must be from 1 to {narrowest}, the width of the base model's narrowest layer");
            return refuse("rank", self.rank.to_string(), rule);
        }
        for (name, value) in [("alpha", self.alpha), ("learning-rate", self.learning_rate)] {
            if !value.is_finite() || value <= 0.0 {
                return refuse(name, value.to_string(), "it must be positive".to_owned());
            }
        }
        for (name, value) in [("epochs", self.epochs), ("batch-size", self.batch_size)] {
            if value == 0 {
                return refuse(name, value.to_string(), "it must be at least 1".to_owned());
            }
        }
        Ok(())
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done.
    pub step: usize,
    /// Mean loss per answer token, nats.
    pub loss: f64,
    /// Learning rate.
    pub rate: f64,
    /// Tokens, prompt and answer.
    pub tokens: usize,
}

/// Which sequences each step takes. Only one epoch's batches are held: a long run has many.
struct Plan {
    lengths: Vec<usize>,
    recipe: LoraRecipe,
    epoch: u64,
    /// Batches of that epoch, as indices into the sequences. Every epoch has as many.
    batches: Vec<Vec<usize>>,
}

impl Plan {
    fn new(lengths: Vec<usize>, recipe: LoraRecipe) -> Self {
        let mut plan = Self { lengths, recipe, epoch: 0, batches: Vec::new() };
        plan.go_to(0);
        plan
    }

    fn go_to(&mut self, epoch: u64) {
        let plan = BatchPlan { size: self.recipe.batch_size, chunk: CHUNK, whole_chunks: false };
        (self.epoch, self.batches) = (epoch, plan.epoch(&self.lengths, self.recipe.seed, epoch));
    }

    fn steps(&self) -> usize {
        self.batches.len() * self.recipe.epochs
    }

    /// The batch of a step; `None` after the last.
    fn batch(&mut self, step: usize) -> Option<&[usize]> {
        if step >= self.steps() {
            return None;
        }
        let epoch = (step / self.batches.len()) as u64;
        if epoch != self.epoch {
            self.go_to(epoch);
        }
        self.batches.get(step % self.batches.len()).map(Vec::as_slice)
    }
}

/// A run in progress.
pub struct LoraTrainer<B: FusedOps> {
    base: Decoder<Autodiff<B>>,
    rope: RopeTable<Autodiff<B>>,
    sequences: Vec<Sequence>,
    plan: Plan,
    recipe: LoraRecipe,
    adapter: LoraWeights<B>,
    moments: Vec<Moments<B, 2>>,
    step: usize,
    device: Device<B>,
}

impl<B: FusedOps> LoraTrainer<B> {
    /// A run at step 0.
    pub fn new(base: &Decoder<B>, sequences: Vec<Sequence>, recipe: LoraRecipe) -> Result<Self, TrainError> {
        recipe.check(base)?;
        let device = base.embedding.device();
        let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.tokens.len()).collect();
        let longest = lengths.iter().copied().max().unwrap_or(1);
        let plan = Plan::new(lengths, recipe);
        let adapter = init::lora(&base.config, recipe.rank, recipe.alpha, recipe.seed, &device);
        let base: Decoder<Autodiff<B>> =
            base.map(|matrix| Tensor::from_inner(matrix.clone()), |vector| Tensor::from_inner(vector.clone()));
        let rope = base.rope(longest);
        let moments = adapter.tensors().map(Moments::zeros).collect();
        Ok(Self { base, rope, sequences, plan, recipe, adapter, moments, step: 0, device })
    }

    /// Steps in all.
    pub fn total_steps(&self) -> usize {
        self.plan.steps()
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    /// The adapter as it is now.
    pub fn adapter(&self) -> &LoraWeights<B> {
        &self.adapter
    }

    /// Replaces the adapter, for a run that continues another one's.
    pub fn set_adapter(&mut self, adapter: LoraWeights<B>) {
        self.adapter = adapter;
    }

    /// Does the next step; `None` where all are done.
    pub fn step(&mut self) -> Result<Option<StepReport>, TrainError> {
        let Some(rows) = self.plan.batch(self.step) else { return Ok(None) };
        let rows: Vec<&Sequence> = rows.iter().map(|row| &self.sequences[*row]).collect();
        let batch = Batch::<Autodiff<B>>::new(&rows, &self.device);
        let tokens = batch.tokens;
        let rate = self.recipe.learning_rate * Schedule::Cosine.factor(self.step, self.total_steps());
        let (loss, mut gradients) = self.gradients(batch);
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: self.step + 1, loss, rate: self.recipe.learning_rate });
        }
        clip_global_norm(&mut gradients, &mut [], CLIP);
        self.step += 1;
        let parameters = self.adapter.tensors_mut().zip(&mut self.moments).zip(gradients);
        for ((parameter, moments), gradient) in parameters {
            AdamW::ADAPTER.update(parameter, gradient, moments, self.step, rate);
        }
        Ok(Some(StepReport { step: self.step, loss, rate, tokens }))
    }

    /// Loss of a batch, and its gradients by the factors in the order of [`LoraWeights::tensors`].
    pub fn gradients(&self, batch: Batch<Autodiff<B>>) -> (f64, Vec<Tensor<B, 2>>) {
        let adapter = self.adapter.map(|factor| Tensor::from_inner(factor.clone()).require_grad());
        let loss = self.base.loss(batch, &self.rope, Some(&adapter));
        let mut grads = loss.backward();
        let gradients = adapter
            .tensors()
            .map(|factor| factor.grad_remove(&mut grads).unwrap_or_else(|| factor.clone().inner().zeros_like()));
        (burn::tensor::ElementConversion::elem(loss.into_scalar()), gradients.collect())
    }

    /// Adapter and moments under stable names, to be resumed from.
    pub fn state(&self) -> TensorSet {
        let mut set = TensorSet { source: "checkpoint".to_owned(), ..TensorSet::default() };
        for (index, (factor, moments)) in self.adapter.tensors().zip(&self.moments).enumerate() {
            set.insert_tensor(format!("{index:05}.factor"), factor);
            set.insert_tensor(format!("{index:05}.first_moment"), &moments.first);
            set.insert_tensor(format!("{index:05}.second_moment"), &moments.second);
        }
        set
    }

    /// Continues from what [`Self::state`] gave after `step` steps. Nothing changes where it does not fit.
    ///
    /// Batches and learning rates are functions of the step, so nothing else needs to be restored.
    pub fn restore(&mut self, mut set: TensorSet, step: usize) -> Result<(), TrainError> {
        if step > self.total_steps() {
            let reason = format!("it is at step {step} of a run that has {}", self.total_steps());
            return Err(TrainError::Checkpoint(reason));
        }
        let (mut adapter, mut moments) = (self.adapter.clone(), self.moments.clone());
        for (index, (factor, moments)) in adapter.tensors_mut().zip(&mut moments).enumerate() {
            let shape = factor.dims();
            let mut take = |part: &str| set.take_tensor(&format!("{index:05}.{part}"), shape, &self.device);
            (*factor, moments.first, moments.second) = (take("factor")?, take("first_moment")?, take("second_moment")?);
        }
        (self.adapter, self.moments, self.step) = (adapter, moments, step);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
