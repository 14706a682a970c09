//! Why a job fails, and whether trying again can help.

use genesis_core::wire::JobEvent;

use crate::adapter::AdapterError;
use crate::checkpoint::CheckpointError;
use crate::dataset::DatasetError;
use crate::tokenizer::TokenizerError;
use crate::train::TrainError;
use crate::weights::WeightsError;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The dataset is not there.
    #[error("the dataset cannot be read: {0}")]
    Dataset(genesis_artifacts::Error),
    /// The dataset is not what its digest says.
    #[error("the dataset is not the one that was frozen: {0}")]
    DatasetChanged(genesis_artifacts::Error),
    /// The dataset's content.
    #[error(transparent)]
    Rows(#[from] DatasetError),
    /// The base model is not there.
    #[error("the base model cannot be found: {0}")]
    Base(genesis_artifacts::Error),
    /// The base model's files.
    #[error("the base model cannot be loaded: {0}")]
    Weights(#[from] WeightsError),
    /// The base model's tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The recipe, or the run itself.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A checkpoint cannot be written.
    #[error("a checkpoint cannot be written: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The store.
    #[error("the artifact store: {0}")]
    Store(#[from] genesis_artifacts::Error),
    /// The adapter's files.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The proof.
    #[error("the proof cannot be written: {0}")]
    Proof(#[from] serde_json::Error),
    /// The adapter is in the store, but nobody who asked for it knows.
    #[error("{0}. The adapter is in the store: start the job again to report it")]
    NotAccepted(String),
}

impl JobError {
    /// A dataset that another digest was asked for is another dataset; any other failure may pass.
    pub(super) fn dataset(error: genesis_artifacts::Error) -> Self {
        match error {
            genesis_artifacts::Error::Digest { .. } => Self::DatasetChanged(error),
            _ => Self::Dataset(error),
        }
    }

    /// Whether the job's input is wrong, so that trying again cannot help.
    pub fn is_users(&self) -> bool {
        match self {
            Self::Dataset(error) | Self::Base(error) => !error.is_io(),
            Self::Checkpoint(_) | Self::Store(_) | Self::Proof(_) | Self::NotAccepted(_) => false,
            _ => true,
        }
    }

    /// CamelCase reason for the status.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Dataset(error) | Self::Base(error) if error.is_io() => "StoreUnavailable",
            Self::Dataset(_) | Self::DatasetChanged(_) | Self::Rows(_) => "DatasetInvalid",
            Self::Base(_) | Self::Weights(_) | Self::Tokenizer(_) => "BaseModelInvalid",
            Self::Train(TrainError::Diverged { .. }) => "Diverged",
            Self::Train(_) => "RecipeInvalid",
            Self::Checkpoint(_) | Self::Store(_) | Self::Adapter(_) | Self::Proof(_) => "StoreUnavailable",
            Self::NotAccepted(_) => "OperatorUnreachable",
        }
    }

    /// The event that tells it.
    pub fn event(&self) -> JobEvent {
        JobEvent::Failed { reason: self.reason().to_owned(), message: self.to_string(), retriable: !self.is_users() }
    }
}
