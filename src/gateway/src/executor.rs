//! Running programs in the sandbox, for all requests together.

mod batch;
mod pool;

use futures::future::BoxFuture;
use genesis_core::execution::{ExecutionRecord, ExecutionRequest};

use crate::routing::ModelKey;

pub use batch::{BatchPolicy, Batched};
pub use pool::SandboxPool;

/// No sandbox answered: nothing is known of the programs.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no sandbox answered: {0}")]
pub struct SandboxUnavailable(pub String);

/// Something that executes programs. Records come back in the order of the requests.
pub trait Executor: Send + Sync {
    /// Runs the programs in the sandbox pool of a model.
    fn run<'a>(
        &'a self,
        model: &'a ModelKey,
        requests: Vec<ExecutionRequest>,
    ) -> BoxFuture<'a, Result<Vec<ExecutionRecord>, SandboxUnavailable>>;
}
