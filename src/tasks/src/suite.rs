//! Suites: named sets of proven tasks, and the standard ones.

use std::collections::{BTreeMap, BTreeSet};

use genesis_core::execution::{ExecutionRecord, ExecutionRequest};
use genesis_core::task::{Split, Suite};

use crate::universe::Universe;

mod builder;

use builder::{Builder, ROUNDS};

/// Runs programs in a sandbox: one record per request, in the order of the requests.
pub type Runner<'a, E> = dyn FnMut(Vec<ExecutionRequest>) -> Result<Vec<ExecutionRecord>, E> + 'a;

/// What suite to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuitePlan {
    /// Name of the suite.
    pub name: String,
    /// Seed; with the same sandbox the same seed gives the same suite.
    pub seed: u64,
    /// Split of the families: of two steps with weight 0.45, of three with 0.55, inputs by weight.
    pub split: Split,
    /// How many families.
    pub families: usize,
    /// Tasks of each family.
    pub tasks_per_family: usize,
}

impl SuitePlan {
    /// A suite of new families.
    pub fn draw(name: &str, split: Split, count: usize, tasks_per_family: usize, seed: u64) -> Self {
        Self { name: name.to_owned(), seed, split, families: count, tasks_per_family }
    }
}

/// What suites have taken already; no later suite shares a prompt, or draws a family again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Prompts of tasks.
    pub prompts: BTreeSet<String>,
    /// Ids of drawn families.
    pub families: BTreeSet<String>,
}

/// A suite and what its making showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltSuite {
    /// The suite.
    pub suite: Suite,
    /// The body of each task's reference program, by the task's id.
    pub references: BTreeMap<String, String>,
    /// Mutants that the tests kill, over all tasks.
    pub killed: usize,
    /// Mutants, over all tasks.
    pub mutants: usize,
    /// Drafts that were made.
    pub drafts: usize,
    /// How many drafts were rejected, by [`crate::Rejection::reason`].
    pub rejections: BTreeMap<&'static str, usize>,
}

/// Why a suite could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError<E> {
    /// The runner failed.
    #[error("the sandbox did not answer: {0}")]
    Runner(E),
    /// The runner answered with the wrong number of records.
    #[error("{got} records for {expected} requests: the runner must answer each request once, in order")]
    Records {
        /// Requests.
        expected: usize,
        /// Records.
        got: usize,
    },
    /// The rounds are over.
    #[error(
        "only {complete} of {wanted} families gave their tasks in {ROUNDS} rounds ({rejections:?}): ask for fewer, or free families of this split"
    )]
    Unfinished {
        /// Families that gave all their tasks.
        complete: usize,
        /// Families asked for.
        wanted: usize,
        /// Rejected drafts by reason.
        rejections: BTreeMap<&'static str, usize>,
    },
}

/// Makes a suite: drafts in batches, runs them, keeps what is proven, and goes on until every family has its tasks.
///
/// Adds the suite's prompts to `taken`, and the families it drew, the barren ones too.
pub fn build<E>(
    universe: &Universe,
    plan: &SuitePlan,
    taken: &mut Taken,
    run: &mut Runner<'_, E>,
) -> Result<BuiltSuite, SuiteError<E>> {
    Builder::new(universe, plan, taken).finish(run)
}

#[cfg(test)]
mod tests;
