//! The domain of Genesis as plain functions of values.
//!
//! Nothing here does I/O or reads a clock: time and randomness are arguments. Every decision the
//! controllers, the gateway and the evaluator take is a function of this crate, so that it can be
//! tested with a table and replayed from the ledger.

pub mod adapter;
pub mod canary;
pub mod confidence;
pub mod dataset;
pub mod digest;
pub mod execution;
pub mod learning;
pub mod promotion;
pub mod quality;
pub mod statistics;
pub mod task;
pub mod triggers;
pub mod wire;

pub use adapter::AdapterRef;
pub use digest::Digest;
