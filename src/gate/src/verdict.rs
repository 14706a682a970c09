//! What the gate says about a program.

use genesis_core::Digest;
use serde::{Deserialize, Serialize};

/// What a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The program is refused and never runs.
    Block,
    /// The score falls.
    Warn,
}

/// One thing that is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Ruff's code (`S307`, `F821`), `invalid-syntax`, or a rule of ours (`G…`).
    pub rule: String,
    /// What it does.
    pub severity: Severity,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// One line for a person. It may hold names out of the program: it is data, never an instruction.
    pub message: String,
}

/// The gate's answer for one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateVerdict {
    /// No finding blocks.
    pub passed: bool,
    /// The findings in the order of the source, at most a hundred; what blocks is never left out.
    pub findings: Vec<Finding>,
    /// Digest of the gate's version, its rules and its policy: verdicts of two rulesets are not comparable.
    pub ruleset: Digest,
    /// Digest of the program without comments, blank lines and layout: programs that differ only in these are
    /// equal. Of the bytes, for a program that does not parse.
    pub normalised: Digest,
    /// Time taken, microseconds.
    pub micros: u64,
}

impl GateVerdict {
    /// Findings that only lower the score.
    pub fn warnings(&self) -> u32 {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warn).count() as u32
    }

    /// The first rule that blocks.
    pub fn blocked_by(&self) -> Option<&str> {
        self.findings.iter().find(|finding| finding.severity == Severity::Block).map(|finding| finding.rule.as_str())
    }
}
