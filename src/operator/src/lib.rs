//! The operator of Genesis: four reconcilers, each observe → decide (pure) → act → status.
//!
//! ```text
//! GenesisModel ──triggers──► TrainingRun ──adapter──► Evaluation ──Pass──► Rollout ──all traffic──► GenesisModel
//!   serving, sandbox           trainer Job              evaluator Job        weights at the gateway     new champion
//! ```
//!
//! Nothing is remembered that cannot be found again in the Kubernetes API: after a crash between any two writes the
//! next look finds the same state, and the names of objects say what they were made for.

pub mod decisions;
pub mod leadership;
mod lean;
pub mod ports;
pub mod warm_pool;

mod apply;
mod config;
mod context;
mod controllers;
mod error;
mod evaluation;
mod jobs;
mod lifecycle;
mod metrics;
mod model;
mod plan;
mod pods;
mod record;
mod report;
mod reporting;
mod rollout;
mod run;
mod seen;
mod server;
mod serving;
mod status;
mod token;
mod training_run;
mod watches;
mod words;

#[cfg(test)]
mod simulation;

pub use config::{Config, Images};
pub use leadership::Election;
pub use record::Record;
pub use run::{Operator, Ports, StartError, run};
