//! What surrounds the operator, played: the gateway with its clients, the inference servers, the node with its pods.

mod gateway;
mod inference;
mod node;

pub use gateway::PlayedGateway;
pub use inference::PlayedInference;
pub use node::PlayedNode;

use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of a played part that cannot answer now.
fn not_now(what: &'static str, why: impl std::fmt::Display) -> genesis_client::Error {
    genesis_client::Error::Refused { what, url: "played".to_owned(), status: 503, message: why.to_string() }
}
