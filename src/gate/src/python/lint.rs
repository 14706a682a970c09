//! Ruff as a library: the only module that knows it.
//!
//! Its interface is declared unstable, so the version is pinned exactly. Suppressions in the source (`# noqa`) are
//! ignored: a model that could write them would learn to.

use std::collections::BTreeSet;
use std::path::Path;

use ruff_linter::linter::{ParseSource, lint_only};
use ruff_linter::registry::{Linter as Family, Rule};
use ruff_linter::settings::{LinterSettings, flags};
use ruff_linter::source_kind::SourceKind;
use ruff_python_ast::{ModModule, PySourceType};
use ruff_python_parser::Parsed;

use super::Findings;
use super::position::Positions;
use crate::policy::Capability;
use crate::verdict::Severity;

/// Rules that block: scope errors that no interpreter accepts, and calls whose danger does not depend on context.
const BLOCKING: &[&str] = &[
    "F404", "F621", "F622", "F701", "F702", "F704", "F706", "F707", "PLE0115", "PLE0117", "PLE0118", "PLE1142",
    "PLE1700", "S102", "S301", "S302", "S307", "S602", "S604", "S605",
];
/// Blocks unless processes are allowed: a process started without a shell.
const BLOCKING_WITHOUT_PROCESSES: &str = "S603";
/// Security rules that warn: secrets in the source, weak cryptography, unsafe parsers, unverified connections.
const WARNING_SECURITY: &[&str] = &[
    "S103", "S104", "S105", "S106", "S107", "S108", "S113", "S202", "S303", "S304", "S305", "S306", "S310", "S312",
    "S313", "S314", "S315", "S316", "S317", "S318", "S319", "S321", "S323", "S324", "S501", "S502", "S503", "S504",
    "S505", "S506", "S507", "S601", "S606", "S607", "S608", "S609", "S612", "S701",
];
/// Name that rules about file names and packages see.
const FILE_NAME: &str = "candidate.py";

/// Matters of taste that working programs are full of: `zip` without `strict`.
const TASTE: &[&str] = &["B905"];

/// Whether a rule has to do with whether a program works, or with security; style does not count.
fn wanted(code: &str) -> bool {
    if code.starts_with('S') {
        return code == BLOCKING_WITHOUT_PROCESSES || BLOCKING.contains(&code) || WARNING_SECURITY.contains(&code);
    }
    let working = code.starts_with('F') || code.starts_with('B') || code.starts_with("E9") || code.starts_with("PLE");
    working && !TASTE.contains(&code)
}

/// The linter with its rules.
pub(super) struct Linter {
    settings: LinterSettings,
    blocking: BTreeSet<&'static str>,
    codes: BTreeSet<String>,
}

impl Linter {
    pub(super) fn new(capabilities: &BTreeSet<Capability>) -> Self {
        let mut blocking = BLOCKING.iter().copied().collect::<BTreeSet<_>>();
        if !capabilities.contains(&Capability::Process) {
            blocking.insert(BLOCKING_WITHOUT_PROCESSES);
        }
        let selected = |rule: &Rule| {
            wanted(&rule.noqa_code().to_string()) && !rule.is_preview() && !rule.is_deprecated() && !rule.is_removed()
        };
        let families =
            [Family::Pyflakes, Family::Flake8Bugbear, Family::Pycodestyle, Family::Pylint, Family::Flake8Bandit];
        let rules: Vec<Rule> = families.iter().flat_map(Family::all_rules).filter(selected).collect();
        let codes = rules.iter().map(|rule| rule.noqa_code().to_string()).collect();
        Self { settings: LinterSettings::for_rules(rules), blocking, codes }
    }

    /// Ruff's version and every rule with its severity.
    pub(super) fn rules(&self) -> Vec<String> {
        let rules = self.codes.iter().map(|code| format!("{code} {:?}", self.severity(code)));
        std::iter::once(format!("ruff {}", ruff_linter::VERSION)).chain(rules).collect()
    }

    fn severity(&self, code: &str) -> Severity {
        if self.blocking.contains(code) { Severity::Block } else { Severity::Warn }
    }

    /// Lints a parsed source.
    pub(super) fn lint(
        &self,
        source: &str,
        source_type: PySourceType,
        parsed: Parsed<ModModule>,
        positions: &Positions<'_>,
    ) -> Findings {
        let kind = SourceKind::Python { code: source.to_owned(), is_stub: false };
        let result = lint_only(
            Path::new(FILE_NAME),
            None,
            &self.settings,
            flags::Noqa::Disabled,
            &kind,
            source_type,
            ParseSource::Precomputed(parsed),
        );
        result
            .diagnostics
            .iter()
            .map(|diagnostic| {
                let rule = diagnostic.secondary_code_or_id();
                // Duplicate arguments and the like parse, and are found only by the semantic pass: the result does
                // not call them invalid, the diagnostics do.
                let severity = if diagnostic.is_invalid_syntax() { Severity::Block } else { self.severity(rule) };
                let offset = diagnostic.range().map_or_else(Default::default, ruff_text_size::TextRange::start);
                positions.finding(rule, severity, offset, diagnostic.concise_message().to_string())
            })
            .collect()
    }
}
