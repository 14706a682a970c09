//! From a prompt to an answer: route, retrieve, assemble, two pathways, gate, sandbox, score, fuse, learn, record.

pub mod answer;
pub mod candidate;
pub mod context;
pub mod fuse;
pub mod gate;
pub mod judge;
pub mod learn;
pub mod pathway;
pub mod program;
pub mod record;
pub mod request;
pub mod retrieve;
pub mod settings;

mod pipeline;

#[cfg(test)]
mod testing;

pub use answer::Answer;
pub use pipeline::Pipeline;
pub use request::{Asked, InvalidRequest, MAX_PROMPT_BYTES, Request};

use genesis_ledger::LedgerError;

use self::context::PromptTooLong;
use crate::inference::ModelError;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The prompt does not fit into the model's window.
    #[error(transparent)]
    Prompt(#[from] PromptTooLong),
    /// The model did not answer.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Programs were generated and none could be judged.
    #[error("no candidate could be judged: the sandboxes did not answer")]
    Infra,
    /// The sandbox does not understand the tests: no program can be judged by them.
    #[error("the tests cannot be run: {reason}")]
    Tests {
        /// What the sandbox said.
        reason: String,
    },
    /// More generations wait already than there is room for.
    #[error("too many generations are waiting")]
    Busy,
    /// The idempotency key belongs to another request.
    #[error("this Idempotency-Key was already used for another request")]
    KeyReused,
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The work was lost with its task.
    #[error("the generation was stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

impl From<LedgerError> for GenerateError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::KeyReused { .. } => Self::KeyReused,
            other => Self::Ledger(other),
        }
    }
}
