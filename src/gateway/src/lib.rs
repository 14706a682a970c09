//! The gateway: HTTP API, generation pipeline, model routing.
//!
//! [`run`] is the process. Inside, [`generate`] is the way from a prompt to an answer, one file for each step;
//! [`routing`] knows who answers; [`inference`] and [`executor`] reach models and sandboxes and survive the restart of
//! any pod; [`http`] is what consumers, the operator and Prometheus see.

pub mod app;
pub mod config;
pub mod executor;
pub mod generate;
pub mod http;
pub mod improvement;
pub mod inference;
pub mod metrics;
pub mod operator;
pub mod routing;
pub mod server;

mod clock;

#[cfg(test)]
mod testing;

pub use config::{Config, Secret};
pub use server::{Addresses, Gateway, ServerError, run};
