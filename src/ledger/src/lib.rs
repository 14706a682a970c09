//! The ledger: system of record, outbox, projections.
//!
//! Every answer is one transaction: generation, candidates, verdicts, score, learnings, corpus, pattern
//! updates, relations and the events that tell of them. A caller hears of success only after the commit
//! is on disk. Graph, vector index and cache are derived from the outbox: losing one loses nothing.
//!
//! The ledger decides nothing. Scores, lessons, confidence and the selection of rows are functions of
//! `genesis-core`; the ledger stores what they gave, and applies `genesis_core::confidence::updated`
//! where the newest value is only known inside the transaction.

pub mod embedding;
pub mod error;
pub mod ledger;
pub mod projections;
pub mod types;

mod rows;
mod writer;

pub use error::LedgerError;
pub use ledger::{Census, Ledger, LedgerOptions, admits};
pub use projections::{ProjectionOptions, Projections};
pub use types::{Scope, TaskRef};
