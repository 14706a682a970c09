//! The quality gate: syntax, security and lint, in process, before anything runs.
//!
//! The gate never executes code. It blocks on a short list of precise rules and lets everything else only lower
//! the score: static analysis is a weak judge of generated code, and an evasion of it is always possible. The
//! boundary is the sandbox; the gate keeps what is plainly wrong or plainly hostile from getting there, and from
//! being learned.

mod analyser;
mod gate;
mod policy;
mod python;
mod verdict;

#[cfg(test)]
mod tests;

pub use analyser::Limits;
pub use gate::Gate;
pub use policy::{Capability, GatePolicy};
pub use verdict::{Finding, GateVerdict, Severity};
