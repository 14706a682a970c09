//! Checkpoints of a run in the artifact store: a run that is stopped goes on where it was.
//!
//! A run is named by everything that decides its outcome. Two aliases point to its last two checkpoints, so that
//! one that was damaged costs the steps since the one before it, not the run.

use std::path::Path;

use genesis_artifacts::{Kind, Store};
use genesis_core::Digest;
use genesis_core::wire::{ArtifactRef, JobEvent};
use serde::{Deserialize, Serialize};

use crate::fused::FusedOps;
use crate::tensors::{Precision, TensorSet};
use crate::train::{LoraRecipe, LoraTrainer, TrainError};

const DESCRIPTION_FILE: &str = "checkpoint.json";
const STATE_FILE: &str = "state.safetensors";
/// Losses kept at either end of a run.
const LOSSES: usize = 10;

/// Everything that decides what a run ends with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunIdentity {
    /// Address of the base model, as the adapter will name it.
    pub base_model: String,
    /// Digest of the base model's directory.
    pub base: Digest,
    /// Digest of the dataset.
    pub dataset: Digest,
    /// Hyper-parameters.
    pub recipe: LoraRecipe,
}

impl RunIdentity {
    /// Name of the run in the store.
    pub fn name(&self) -> String {
        let recipe = &self.recipe;
        let text = format!(
            "{}\n{}\n{}\n{} {} {} {} {} {}",
            self.base_model,
            self.base,
            self.dataset,
            recipe.rank,
            recipe.alpha,
            recipe.learning_rate,
            recipe.epochs,
            recipe.batch_size,
            recipe.seed
        );
        format!("run-{}", Digest::of_bytes(text.as_bytes()).short())
    }
}

/// Losses of the first and of the last few steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LossRecord {
    first: Vec<f64>,
    last: Vec<f64>,
}

impl LossRecord {
    /// Adds the loss of the next step.
    pub fn add(&mut self, loss: f64) {
        if self.first.len() < LOSSES {
            self.first.push(loss);
        }
        if self.last.len() == LOSSES {
            self.last.remove(0);
        }
        self.last.push(loss);
    }

    /// Mean over the first steps, nats.
    pub fn first_mean(&self) -> f64 {
        mean(&self.first)
    }

    /// Mean over the last steps, nats.
    pub fn last_mean(&self) -> f64 {
        mean(&self.last)
    }
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}

#[derive(Serialize, Deserialize)]
struct Description {
    identity: RunIdentity,
    step: usize,
    losses: LossRecord,
}

/// The checkpoints of one run.
pub struct Checkpoints<'a> {
    store: &'a Store,
    identity: &'a RunIdentity,
}

impl<'a> Checkpoints<'a> {
    /// Those of the run `identity` names.
    pub fn new(store: &'a Store, identity: &'a RunIdentity) -> Self {
        Self { store, identity }
    }

    fn alias(&self, which: &str) -> String {
        format!("{}-{which}", self.identity.name())
    }

    /// Writes a checkpoint, synced, and forgets all but the one before it.
    pub fn save<B: FusedOps>(
        &self,
        trainer: &LoraTrainer<B>,
        losses: &LossRecord,
    ) -> Result<ArtifactRef, CheckpointError> {
        let (identity, step, losses) = (self.identity.clone(), trainer.steps_done(), losses.clone());
        let description = serde_json::to_vec(&Description { identity, step, losses })?;
        let state = trainer.state().to_bytes(Precision::F32)?;
        let files: [(&str, &[u8]); 2] = [(DESCRIPTION_FILE, &description), (STATE_FILE, &state)];
        let saved = self.store.put_directory(Kind::Checkpoint, &files)?;
        let named = |which: &str| self.store.resolve(Kind::Checkpoint, &self.alias(which)).ok();
        if let Some(latest) = named("latest").filter(|latest| latest.digest != saved.digest) {
            let outdated = named("previous").filter(|old| old.digest != latest.digest && old.digest != saved.digest);
            self.store.alias(Kind::Checkpoint, &self.alias("previous"), &latest.digest)?;
            if let Some(old) = outdated {
                forget(&old);
            }
        }
        self.store.alias(Kind::Checkpoint, &self.alias("latest"), &saved.digest)?;
        Ok(saved)
    }

    /// Puts `trainer` where the newest usable checkpoint left off; the start where there is none. `unusable` hears of
    /// the ones that had to be passed over.
    pub fn resume<B: FusedOps>(
        &self,
        trainer: &mut LoraTrainer<B>,
        mut unusable: impl FnMut(&ArtifactRef, &CheckpointError),
    ) -> LossRecord {
        for which in ["latest", "previous"] {
            let Ok(found) = self.store.resolve(Kind::Checkpoint, &self.alias(which)) else { continue };
            match self.load(&found, trainer) {
                Ok(losses) => return losses,
                Err(error) => unusable(&found, &error),
            }
        }
        LossRecord::default()
    }

    fn load<B: FusedOps>(
        &self,
        found: &ArtifactRef,
        trainer: &mut LoraTrainer<B>,
    ) -> Result<LossRecord, CheckpointError> {
        let directory = Store::verify_directory(&found.uri, &found.digest)?;
        let description: Description = serde_json::from_slice(&read(&directory.join(DESCRIPTION_FILE))?)?;
        if description.identity != *self.identity {
            return Err(CheckpointError::AnotherRun);
        }
        trainer.restore(TensorSet::read(&directory.join(STATE_FILE))?, description.step)?;
        Ok(description.losses)
    }

    /// Records what the run ended with, and forgets its checkpoints: nobody resumes from them any more.
    pub fn finish(&self, trained: &JobEvent) -> Result<(), CheckpointError> {
        let record = self.store.put(Kind::Checkpoint, &serde_json::to_vec(trained)?)?;
        self.store.alias(Kind::Checkpoint, &self.alias("trained"), &record.digest)?;
        for which in ["latest", "previous"] {
            let alias = self.alias(which);
            if let Ok(found) = self.store.resolve(Kind::Checkpoint, &alias) {
                self.store.forget_alias(Kind::Checkpoint, &alias)?;
                forget(&found);
            }
        }
        Ok(())
    }

    /// What the run ended with, if it did and the adapter is whole.
    pub fn finished(&self) -> Option<JobEvent> {
        let record = self.store.resolve(Kind::Checkpoint, &self.alias("trained")).ok()?;
        let event: JobEvent = serde_json::from_slice(&Store::read(&record.uri, &record.digest).ok()?).ok()?;
        match &event {
            JobEvent::Trained { adapter, .. } => {
                Store::verify_directory(&adapter.uri, &adapter.digest).ok().map(|_| event)
            }
            _ => None,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|source| CheckpointError::File { path: path.display().to_string(), source })
}

/// Removes a checkpoint that nothing points to any more.
fn forget(old: &ArtifactRef) {
    let removed = genesis_artifacts::path_of_uri(&old.uri).map(std::fs::remove_dir_all);
    if !matches!(removed, Ok(Ok(()))) {
        tracing::warn!(checkpoint = old.uri, "an outdated checkpoint cannot be removed");
    }
}

/// Why a checkpoint cannot be written or used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The store.
    #[error(transparent)]
    Store(#[from] genesis_artifacts::Error),
    /// Its tensors.
    #[error(transparent)]
    Tensor(#[from] crate::tensors::TensorError),
    /// Its description.
    #[error("{DESCRIPTION_FILE} is malformed: {0}")]
    Description(#[from] serde_json::Error),
    /// A file of it.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It does not fit this run's shapes.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// It is of a run with other data, another base or another recipe.
    #[error("it belongs to a run with another dataset, base model or recipe")]
    AnotherRun,
}

#[cfg(test)]
mod tests;
