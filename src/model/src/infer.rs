//! The inference server: an OpenAI-compatible HTTP API over one base model and its adapters.
//!
//! From the outside in: [`server`] binds the ports, [`http`] speaks OpenAI's and vLLM's protocol, [`adapters`] knows
//! the names of adapters, [`engine`] batches requests step by step ([`scheduler`], [`answer`], [`sampling`], [`text`]),
//! and a [`runner`] computes the steps: [`kernel`] on the CPU, [`tensor_runner`] on any burn backend.

pub mod adapters;
pub mod answer;
pub mod bench;
pub mod engine;
pub mod http;
pub mod kernel;
mod listen;
mod math;
pub mod metrics;
pub mod model;
pub mod options;
pub mod runner;
pub mod sampling;
pub mod scheduler;
pub mod server;
pub mod tensor_runner;
#[cfg(test)]
mod testing;
pub mod text;
pub mod vocabulary;
