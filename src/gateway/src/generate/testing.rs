//! Candidates for tests.

use genesis_core::Digest;
use genesis_core::execution::{ExecutionVerdict, Outcome};
use genesis_core::quality::{QualityFacts, score};
use genesis_ledger::types::generation::{GateRecord, Pathway};

use super::candidate::{Candidate, Draft, Given};
use crate::testing::record;

pub const START: &str = "def solve(xs: list[int]) -> int:\n    \"\"\"Count.\"\"\"\n";

pub fn gate(passed: bool) -> GateRecord {
    GateRecord {
        passed,
        warnings: 0,
        ruleset: Digest::of_bytes(b"rules"),
        findings: serde_json::Value::Array(Vec::new()),
        micros: 1,
    }
}

/// A candidate that passed the gate and all its tests.
pub fn candidate(pathway: Pathway, completion: &str) -> Candidate {
    let source = format!("{START}{completion}");
    Candidate {
        draft: Draft {
            pathway,
            completion: completion.into(),
            source: source.clone(),
            samples: 1,
            shown: Vec::new(),
            withheld: Vec::new(),
            given: vec![Given { pathway, samples: 1, shown: Vec::new(), withheld: Vec::new() }],
        },
        gate: gate(true),
        blocked_by: None,
        normalised: Digest::of_bytes(source.trim_end().as_bytes()),
        execution: Some(record("e")),
        outcome: Outcome::Pass,
        quality: None,
    }
    .with(Outcome::Pass, 0)
}

impl Candidate {
    /// The same with another outcome and processor time.
    pub fn with(mut self, outcome: Outcome, cpu_ms: u64) -> Self {
        self.outcome = outcome;
        let facts =
            QualityFacts { outcome, gate_passed: self.gate.passed, gate_warnings: 0, cpu_ms, cpu_limit_ms: 2_000 };
        self.quality = score(&facts);
        if let Some(record) = &mut self.execution {
            record.cpu_ms = cpu_ms;
            record.verdict = match outcome {
                Outcome::Pass => ExecutionVerdict::Pass,
                Outcome::Fail => ExecutionVerdict::WrongAnswer,
                Outcome::Infra => ExecutionVerdict::Infra,
                Outcome::Unverified => ExecutionVerdict::Unverified,
            };
            record.reason = if outcome == Outcome::Fail { "wrong value".into() } else { String::new() };
        }
        self
    }

    /// The same refused by the gate.
    pub fn blocked(mut self, rule: &str) -> Self {
        self.gate = gate(false);
        self.blocked_by = Some(rule.into());
        self.execution = None;
        self.with(Outcome::Fail, 0)
    }

    /// The same with these patterns shown to its pathway.
    pub fn showing(mut self, shown: &[&str]) -> Self {
        self.draft.shown = shown.iter().map(ToString::to_string).collect();
        self.draft.given[0].shown.clone_from(&self.draft.shown);
        self
    }

    /// The same given by this many samples.
    pub fn sampled(mut self, samples: u32) -> Self {
        self.draft.samples = samples;
        self.draft.given[0].samples = samples;
        self
    }
}
