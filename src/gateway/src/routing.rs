//! Who answers: models, adapters, weights and pods, watched read-only in the Kubernetes API.

mod attempts;
pub mod build;
pub mod choose;
pub mod replicas;
pub mod route;
pub mod table;
pub mod watch;

#[cfg(test)]
pub(crate) mod testing;

pub use attempts::{Attempts, RetryPolicy};
pub use choose::{Choice, choose};
pub use replicas::{Lease, Outstanding, Replica};
pub use route::{Canary, LoopState, ModelKey, ModelRoute, Served};
pub use table::{NoModel, RouteTable};
pub use watch::{Routes, Unsynced};
