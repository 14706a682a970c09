//! What a language's analyser does.

use serde::{Deserialize, Serialize};

use crate::verdict::Finding;

/// Bounds of the analysis of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of source.
    pub source_bytes: usize,
    /// Nesting of expressions and blocks. CPython itself gives up at 200 parentheses and 100 indentations.
    pub depth: usize,
    /// Time for the whole analysis, milliseconds; looked at between its steps.
    pub millis: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { source_bytes: 64 << 10, depth: 200, millis: 2_000 }
    }
}

/// What an analyser found.
pub(crate) struct Analysis {
    /// In no particular order.
    pub(crate) findings: Vec<Finding>,
    /// The program without what does not change its meaning; `None` if it does not parse.
    pub(crate) normalised: Option<Vec<u8>>,
}

/// Reads programs of one language. The only place where a parser or a linter is called.
pub(crate) trait Analyser: Send + Sync {
    /// Version of the tools and all rules with their severities: part of the ruleset digest.
    fn rules(&self) -> Vec<String>;
    /// Analyses a source within the limits. Never executes it.
    fn analyse(&self, source: &str, limits: &Limits) -> Analysis;
}
