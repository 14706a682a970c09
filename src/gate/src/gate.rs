//! The gate: bounds first, then the language's analyser, then the verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use genesis_core::Digest;
use genesis_core::task::Language;

use crate::analyser::{Analyser, Analysis};
use crate::policy::GatePolicy;
use crate::python::PythonAnalyser;
use crate::verdict::{Finding, GateVerdict, Severity};

/// Findings kept of one program.
const MAX_FINDINGS: usize = 100;
/// Characters kept of one message.
const MAX_MESSAGE: usize = 200;

/// The quality gate. Made once and shared: building the rule tables costs more than a check.
pub struct Gate {
    policy: GatePolicy,
    python: Box<dyn Analyser>,
    ruleset: Digest,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(GatePolicy::default())
    }
}

impl Gate {
    /// A gate with this policy.
    pub fn new(policy: GatePolicy) -> Self {
        let python = Box::new(PythonAnalyser::new(&policy.capabilities));
        let mut rules = python.rules();
        rules.push(format!("gate {}", env!("CARGO_PKG_VERSION")));
        rules.push(format!("policy {policy:?}"));
        let ruleset = Digest::of_bytes(rules.join("\n").as_bytes());
        Self { policy, python, ruleset }
    }

    /// Digest of version, rules and policy; the same in every verdict of this gate.
    pub fn ruleset(&self) -> &Digest {
        &self.ruleset
    }

    /// Judges a program without running it.
    ///
    /// Needs some hundred kilobytes of stack of its caller, whatever the source: deep sources are analysed on a
    /// stack of their own. A failure of the analyser blocks the program (`G003`), it does not reach the caller.
    pub fn check(&self, language: Language, source: &str) -> GateVerdict {
        let started = Instant::now();
        let Analysis { mut findings, normalised } = if source.len() > self.policy.limits.source_bytes {
            let limit = self.policy.limits.source_bytes;
            refused("G001", format!("the source has {} bytes, more than {limit}", source.len()))
        } else {
            let analyser = match language {
                Language::Python => &self.python,
            };
            catch_unwind(AssertUnwindSafe(|| analyser.analyse(source, &self.policy.limits)))
                .unwrap_or_else(|_| refused("G003", "the analyser failed on this source".to_owned()))
        };
        settle(&mut findings);
        GateVerdict {
            passed: findings.iter().all(|finding| finding.severity != Severity::Block),
            findings,
            ruleset: self.ruleset.clone(),
            normalised: Digest::of_bytes(normalised.as_deref().unwrap_or(source.as_bytes())),
            micros: started.elapsed().as_micros() as u64,
        }
    }
}

fn refused(rule: &str, message: String) -> Analysis {
    let finding = Finding { rule: rule.to_owned(), severity: Severity::Block, line: 1, column: 1, message };
    Analysis { findings: vec![finding], normalised: None }
}

/// Bounds number and length of the findings and puts them in the order of the source.
fn settle(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| (a.severity, a.line, a.column, &a.rule).cmp(&(b.severity, b.line, b.column, &b.rule)));
    findings.truncate(MAX_FINDINGS);
    findings.sort_by(|a, b| (a.line, a.column, &a.rule).cmp(&(b.line, b.column, &b.rule)));
    for finding in findings {
        let line = finding.message.lines().next().unwrap_or_default();
        finding.message = line.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect();
    }
}
