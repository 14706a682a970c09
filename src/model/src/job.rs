//! A training job: from a dataset and a base model to an adapter in the store that the operator knows of.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use genesis_artifacts::{Store, digest_directory, directory_of};
use genesis_core::Digest;
use genesis_core::adapter::PROOF_FILE;
use genesis_core::wire::JobEvent;

use crate::adapter::{Adapter, AdapterSettings};
use crate::checkpoint::{Checkpoints, LossRecord, RunIdentity};
use crate::dataset::{self, Encoding};
use crate::decoder::Decoder;
use crate::fused::FusedOps;
use crate::proof;
use crate::tokenizer::Tokenizer;
use crate::train::{LoraRecipe, LoraTrainer, StepReport};

mod error;

pub use error::JobError;

/// Time between two reports of progress.
const PROGRESS_PERIOD: Duration = Duration::from_secs(1);

/// What to train, on what, and where to put it.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// Address of the base model: `builtin://name` or `file:///directory`.
    pub base: String,
    /// Where `builtin://` models are.
    pub models: Vec<PathBuf>,
    /// Address of the dataset.
    pub dataset: String,
    /// Its digest.
    pub dataset_digest: Digest,
    /// Address of the artifact store.
    pub store: String,
    /// Hyper-parameters.
    pub recipe: LoraRecipe,
    /// Steps between checkpoints.
    pub checkpoint_steps: usize,
}

/// How a job ended that did not fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The adapter is in the store and the operator has accepted the event.
    Trained,
    /// It was asked to stop, and saved its work.
    Interrupted,
}

/// Who hears of events.
pub trait Listener {
    /// Hears an event.
    fn hear(&self, event: &JobEvent);
    /// Hears the last event; an error is why it was not accepted.
    fn accept(&self, event: &JobEvent) -> Result<(), String>;
}

impl Listener for crate::report::Reporter {
    fn hear(&self, event: &JobEvent) {
        self.tell(event);
    }

    fn accept(&self, event: &JobEvent) -> Result<(), String> {
        self.tell_and_wait(event).map_err(|error| error.to_string())
    }
}

/// Runs a job, or goes on with one that was interrupted.
///
/// A job whose adapter is already in the store is not trained again: its last event is told again, because the
/// operator may have missed it.
pub fn run<B: FusedOps>(
    options: &JobOptions,
    listener: &impl Listener,
    interrupted: &AtomicBool,
) -> Result<Outcome, JobError> {
    let store = Store::open(&options.store)?;
    let directory = directory_of(&options.base, &options.models).map_err(JobError::Base)?;
    let bytes = Store::read(&options.dataset, &options.dataset_digest).map_err(JobError::dataset)?;
    let identity = RunIdentity {
        base_model: options.base.clone(),
        base: digest_directory(&directory).map_err(JobError::Base)?,
        dataset: options.dataset_digest.clone(),
        recipe: options.recipe,
    };
    let checkpoints = Checkpoints::new(&store, &identity);
    if let Some(trained) = checkpoints.finished() {
        tracing::info!("this run has ended before: its adapter is reported again");
        return finish(listener, &trained);
    }

    let rows = dataset::rows(&bytes)?;
    let base = Decoder::<B>::load(&directory, &Default::default())?;
    let tokenizer = Tokenizer::load(&directory)?;
    let config = &base.config;
    let (eos, limit, vocab) = (config.eos.first().copied(), config.max_positions, config.vocab_size);
    let encoding = Encoding { tokenizer: &tokenizer, eos, limit, vocab };
    let texts = rows.iter().map(|row| (row.prompt.clone(), row.answer.as_str()));
    // The prompt is given, so only the answer is learned.
    let sequences = encoding.sequences(texts, 0.0)?;
    // Before the training, which would be in vain without it.
    let proof_texts = encoding.distinct_texts(&rows, proof::TEXTS)?;
    let mut trainer = LoraTrainer::new(&base, sequences, options.recipe)?;
    let mut losses = checkpoints.resume(&mut trainer, |found, error| {
        listener.hear(&JobEvent::CheckpointUnusable { uri: found.uri.clone(), message: error.to_string() });
    });
    let total_steps = trainer.total_steps() as u64;
    listener.hear(&JobEvent::Started { total_steps, resumed_from: trainer.steps_done() as u64 });

    let mut progress = Progress::new(trainer.steps_done());
    while let Some(report) = trainer.step()? {
        losses.add(report.loss);
        if let Some(event) = progress.add(report, total_steps) {
            listener.hear(&event);
        }
        let stop = interrupted.load(Ordering::Relaxed);
        if stop || report.step % options.checkpoint_steps.max(1) == 0 {
            let checkpoint = checkpoints.save(&trainer, &losses)?;
            listener.hear(&JobEvent::Checkpoint { step: report.step as u64, checkpoint });
        }
        if stop {
            return Ok(Outcome::Interrupted);
        }
    }

    let trained = publish(&store, &base, proof_texts, &trainer, &losses, options)?;
    checkpoints.finish(&trained)?;
    finish(listener, &trained)
}

fn finish(listener: &impl Listener, trained: &JobEvent) -> Result<Outcome, JobError> {
    listener.accept(trained).map_err(JobError::NotAccepted)?;
    Ok(Outcome::Trained)
}

/// Writes the adapter and its proof to the store.
fn publish<B: FusedOps>(
    store: &Store,
    base: &Decoder<B>,
    texts: Vec<(String, Vec<u32>)>,
    trainer: &LoraTrainer<B>,
    losses: &LossRecord,
    options: &JobOptions,
) -> Result<JobEvent, JobError> {
    let recipe = options.recipe;
    let proof = serde_json::to_vec_pretty(&proof::prove(base, trainer.adapter(), texts))?;
    let settings = AdapterSettings::new(options.base.clone(), recipe.rank, recipe.alpha);
    let adapter = Adapter { settings, weights: trainer.adapter().clone() };
    let mut files = adapter.to_files()?;
    files.push((PROOF_FILE, proof));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    Ok(JobEvent::Trained {
        adapter: store.put_adapter(&files)?,
        rank: recipe.rank as u32,
        size_bytes: files.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
        first_loss: losses.first_mean(),
        last_loss: losses.last_mean(),
        steps: trainer.steps_done() as u64,
    })
}

/// Gathers steps into events about once a second.
struct Progress {
    began: Instant,
    first_step: usize,
    tokens: usize,
    told: Instant,
    losses: Vec<f64>,
}

impl Progress {
    fn new(first_step: usize) -> Self {
        let now = Instant::now();
        Self { began: now, first_step, tokens: 0, told: now, losses: Vec::new() }
    }

    fn add(&mut self, report: StepReport, total_steps: u64) -> Option<JobEvent> {
        self.tokens += report.tokens;
        self.losses.push(report.loss);
        let step = report.step as u64;
        if self.told.elapsed() < PROGRESS_PERIOD && step != total_steps {
            return None;
        }
        let loss = self.losses.iter().sum::<f64>() / self.losses.len() as f64;
        self.losses.clear();
        self.told = Instant::now();
        let seconds = self.began.elapsed().as_secs_f64();
        let per_step = seconds / (report.step - self.first_step) as f64;
        Some(JobEvent::Progress {
            step,
            total_steps,
            loss: Some(loss),
            learning_rate: Some(report.rate),
            tokens_per_second: Some(self.tokens as f64 / seconds),
            eta_seconds: Some((per_step * (total_steps - step) as f64).ceil() as u64),
        })
    }
}

#[cfg(test)]
mod tests;
