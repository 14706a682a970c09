//! Programs and what the gate must say about them.

mod bounds;
mod evasions;
mod programs;
mod verdicts;

use std::sync::LazyLock;

use genesis_core::task::Language;

use crate::{Gate, GateVerdict, Severity};

static GATE: LazyLock<Gate> = LazyLock::new(Gate::default);

fn check(source: &str) -> GateVerdict {
    GATE.check(Language::Python, source)
}

/// The rules that block, without repetition, in the order of the source.
fn blocking(source: &str) -> Vec<String> {
    rules(source, Severity::Block)
}

fn rules(source: &str, severity: Severity) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for finding in check(source).findings.into_iter().filter(|finding| finding.severity == severity) {
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule);
        }
    }
    rules
}

/// Asserts that the program is blocked by the rule, perhaps among others.
fn assert_blocked(source: &str, rule: &str) {
    let got = blocking(source);
    assert!(got.iter().any(|found| found == rule), "{rule} expected, {got:?} found in\n{source}");
}

/// Asserts that nothing blocks the program.
fn assert_passes(source: &str) {
    let verdict = check(source);
    assert!(verdict.passed, "{:?} in\n{source}", verdict.findings);
}
