//! Why a draft is not good enough to be a task.

use super::{FEWEST_INPUTS, LONGEST_OUTPUT, TESTS};
use crate::draft::Defect;

/// Why a draft is no task.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Rejection {
    /// The sandbox failed; the same draft may be tried again.
    #[error("the sandbox could not run {program}: {reason}")]
    Infra {
        /// Id of the request.
        program: String,
        /// The sandbox's reason.
        reason: String,
    },
    /// The records do not answer the requests.
    #[error(
        "{got} outcomes for {expected} calls of {program}: pass the records of Draft::requests, in their order, with the values captured"
    )]
    Unanswered {
        /// Which program, or all of them.
        program: String,
        /// Calls asked for.
        expected: usize,
        /// Outcomes given.
        got: usize,
    },
    /// The reference raised or did not come back, so the prompt promises what nobody can keep.
    #[error("the reference gives {outcome} on {input}")]
    ReferenceFails {
        /// The input.
        input: String,
        /// What happened.
        outcome: String,
    },
    /// A mutant ran away, and nobody knows what the others would have done.
    #[error("the comparison with the mutants gives {outcome} on {input}")]
    ComparisonFails {
        /// The input.
        input: String,
        /// What happened.
        outcome: String,
    },
    /// Most outputs are too long to be expected values.
    #[error("only {kept} inputs have an output of at most {LONGEST_OUTPUT} bytes; {FEWEST_INPUTS} are needed")]
    OutputsTooLong {
        /// How many remain.
        kept: usize,
    },
    /// A guess would often be right.
    #[error("the outputs have {distinct} distinct values; {needed} are needed")]
    TooUniform {
        /// Distinct outputs.
        distinct: usize,
        /// Fewest allowed.
        needed: usize,
    },
    /// An answer that ignores a step, or is a constant, agrees with the reference on the chosen tests.
    #[error("the tests pass an answer with {defect}")]
    StepDoesNotMatter {
        /// The answer.
        defect: Defect,
    },
    /// The chosen tests have one output only, so a constant passes them.
    #[error("the tests pass an answer that always returns {literal}")]
    ConstantPasses {
        /// The constant.
        literal: String,
    },
    /// A bug shows on a candidate input, but the chosen tests have no room for it.
    #[error("{TESTS} tests do not suffice to notice {defect}")]
    TestsDoNotSuffice {
        /// The bug.
        defect: Defect,
    },
}

impl Rejection {
    /// Whether the same draft may succeed when it is run again.
    pub fn is_infra(&self) -> bool {
        matches!(self, Self::Infra { .. })
    }

    /// The reason in one word, to count by.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Infra { .. } => "Infra",
            Self::Unanswered { .. } => "Unanswered",
            Self::ReferenceFails { .. } => "ReferenceFails",
            Self::ComparisonFails { .. } => "ComparisonFails",
            Self::OutputsTooLong { .. } => "OutputsTooLong",
            Self::TooUniform { .. } => "TooUniform",
            Self::StepDoesNotMatter { .. } => "StepDoesNotMatter",
            Self::ConstantPasses { .. } => "ConstantPasses",
            Self::TestsDoNotSuffice { .. } => "TestsDoNotSuffice",
        }
    }
}
