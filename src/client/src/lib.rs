//! Typed HTTP clients between the parts of Genesis: one place that knows the paths.

mod error;
mod gateway;
mod inference;
mod job;
mod transport;

pub use error::Error;
pub use gateway::GatewayClient;
pub use inference::{Choice, CompletionRequest, InferenceClient, ServedModel};
pub use job::JobReporter;
pub use transport::http_client;
