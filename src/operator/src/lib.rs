//! The operator of Genesis: four reconcilers, each observe → decide (pure) → act → status.
//!
//! ```text
//! GenesisModel ──triggers──► TrainingRun ──adapter──► Evaluation ──Pass──► Rollout ──all traffic──► GenesisModel
//!   serving, sandbox           trainer Job              evaluator Job        weights at the gateway     new champion
//! ```
//!
//! Nothing is remembered that cannot be found again in the Kubernetes API: after a crash between any two writes the
//! next look finds the same state, and the names of objects say what they were made for.

pub mod config;
pub mod error;
pub mod plan;
pub mod ports;
pub mod token;

mod apply;
mod context;
mod controllers;
mod evaluation;
mod jobs;
mod metrics;
mod model;
mod pods;
mod report;
mod rollout;
mod run;
mod server;
mod serving;
mod status;
mod training_run;
mod words;

#[cfg(test)]
mod simulation;

pub use config::{Config, Images};
pub use run::{Operator, StartError, run};
