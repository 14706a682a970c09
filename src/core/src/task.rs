//! Programming tasks and their hidden tests.

use serde::{Deserialize, Serialize};

/// The language a program is written in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Language {
    /// CPython 3.
    #[default]
    Python,
}

/// Which side of the wall a task stands on. Families never cross it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, strum::Display, strum::EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Split {
    /// Documents the base model is pre-trained on.
    Pretraining,
    /// Tasks that consumers send; the only ones the loop may train on.
    Loop,
    /// Tasks an evaluation may use to choose.
    Dev,
    /// Tasks that only judge.
    Sealed,
}

/// One call of the entry point and the value it must return, both as literals of the task's language.
///
/// `expected` is compared by canonical text: equal values of equal types have equal text, whatever the
/// order in which a dict was filled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TestCase {
    /// Positional arguments, one literal each: `["[1, 2, 3]", "'a'"]`.
    pub args: Vec<String>,
    /// The returned value: `"6"`.
    pub expected: String,
}

/// How a program is tested. The tests stay with the scorer; a candidate never sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TestSuite {
    /// Calls of one function, compared by value and type.
    Calls {
        /// Name of the function.
        entry: String,
        /// The calls, in the order in which they run.
        cases: Vec<TestCase>,
    },
    /// A trusted test program in HumanEval's form: `check(candidate)` raises where the candidate is wrong.
    Script {
        /// Name of the function the candidate defines.
        entry: String,
        /// Trusted code run before the check in the tester's process (helpers of the prompt).
        setup: String,
        /// Code that defines `check(candidate)`.
        check: String,
    },
}

/// A task as the universe or a file gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Unique within its suite.
    pub id: String,
    /// Tasks of one family share their solution's shape; statistics are clustered by it.
    pub family: String,
    /// Which side of the wall it stands on.
    pub split: Split,
    /// Language of the solution.
    #[serde(default)]
    pub language: Language,
    /// What the model completes: the start of the program.
    pub prompt: String,
    /// The hidden tests.
    pub tests: TestSuite,
    /// More hidden tests, kept as an independent oracle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<TestCase>,
}

/// A named list of tasks, stored as one artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// Name shown in results: `sealed`, `dev`, `humaneval`.
    pub name: String,
    /// Seed of the generator, 0 where there is none.
    pub seed: u64,
    /// The tasks.
    pub tasks: Vec<Task>,
}
