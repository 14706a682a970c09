//! Typed HTTP clients between the parts of Genesis: one place that knows the paths.

mod error;
mod gateway;
mod inference;
mod job;
mod token;
mod transport;

pub use error::Error;
pub use gateway::{FENCE_HEADER, GatewayClient};
pub use inference::{Choice, CompletionRequest, InferenceClient, ServedModel};
pub use job::JobReporter;
pub use token::same_token;
pub use transport::http_client;
