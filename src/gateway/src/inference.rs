//! Asking a model to continue a text, over whichever replica is there.

mod replicated;

use futures::future::BoxFuture;
use genesis_client::CompletionRequest;

use crate::routing::ModelKey;

pub use replicated::ReplicatedModel;

/// Why no completion came.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The replica does not serve this name (yet, or no longer).
    #[error("no replica serves {name:?}")]
    UnknownName {
        /// The served name.
        name: String,
    },
    /// No replica answered, though asked again for as long as allowed.
    #[error("inference did not answer in {seconds} s ({attempts} attempts): {last}")]
    Unavailable {
        /// How long it was tried.
        seconds: u64,
        /// How often.
        attempts: u32,
        /// What the last attempt met.
        last: String,
    },
    /// The server refused what was asked; asking again cannot help.
    #[error("inference refused the request: {0}")]
    Refused(String),
}

/// A completion model.
pub trait Model: Send + Sync {
    /// Continues `request.prompt` `request.n` times.
    fn complete<'a>(
        &'a self,
        model: &'a ModelKey,
        request: &'a CompletionRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, ModelError>>;
}
