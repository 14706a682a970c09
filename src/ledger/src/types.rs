//! What the ledger stores and what it answers with.
//!
//! `New…` types go in, the others come out. All times are milliseconds since the Unix epoch and are
//! given by the caller: the ledger reads no clock.

pub mod event;
pub mod generation;
pub mod learning;
pub mod pattern;
pub mod statistics;

use serde::{Deserialize, Serialize};

/// Whose rows a call reads or writes. Every statement names both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// The tenant. Nothing is ever read across tenants.
    pub tenant: String,
    /// The GenesisModel, `namespace/name`.
    pub model: String,
}

impl Scope {
    /// Scope of one model of one tenant.
    pub fn new(tenant: impl Into<String>, model: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), model: model.into() }
    }
}

/// The task an answer was given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRef {
    /// Unique within the tenant: answers to one task are deduplicated against each other.
    pub id: String,
    /// Family of the task: training and evaluation never share one.
    pub family: String,
}
