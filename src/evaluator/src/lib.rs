//! The evaluation Job: champion and candidate answer the same tasks with the same seeds, every answer is
//! executed, and the paired results become the summary that a verdict is decided from.
//!
//! The order is [`suites`] → [`sample`] → [`execute`] → [`pair`] (pure) → report. The verdict itself is not made
//! here: the operator decides it from the summary with `genesis_core::promotion::judge`.

mod error;
mod execute;
mod job;
pub mod pair;
mod sample;
mod suites;

pub use error::Error;
pub use execute::SandboxPool;
pub use job::{EvaluationJob, Finished, run};
pub use sample::{Arm, Sampling};
pub use suites::{SuiteSource, load as load_suite};
