//! Python: parse, depth, hygiene, lint, in this order.

mod depth;
mod hygiene;
mod lint;
mod normalise;
mod position;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ruff_python_ast::{PySourceType, PythonVersion};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged as _;

use crate::analyser::{Analyser, Analysis, Limits};
use crate::policy::Capability;
use crate::verdict::{Finding, Severity};
use lint::Linter;
use position::Positions;

/// Stack on which a source is analysed. The parser grows its own, but a tree is dropped by recursion: with one
/// level for each of 64 Ki bytes of source that takes some 30 MiB. Only what is touched is ever backed by memory.
const STACK_BYTES: usize = 64 << 20;

/// The Python analyser.
pub(crate) struct PythonAnalyser {
    linter: Linter,
    capabilities: BTreeSet<Capability>,
}

impl PythonAnalyser {
    pub(crate) fn new(capabilities: &BTreeSet<Capability>) -> Self {
        Self { linter: Linter::new(capabilities), capabilities: capabilities.clone() }
    }

    fn analyse_here(&self, source: &str, limits: &Limits) -> Analysis {
        let deadline = Instant::now() + Duration::from_millis(limits.millis);
        let positions = Positions::of(source);
        let blocked = |rule: &str, offset, message| vec![positions.finding(rule, Severity::Block, offset, message)];
        // The newest grammar: what the sandbox's interpreter does not know yet fails there.
        let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::latest());
        let parsed = parse_unchecked(source, options);
        if let Some(deep) = depth::deeper_than(parsed.tokens(), limits.depth) {
            let message = format!("nested more than {} deep", limits.depth);
            return Analysis { findings: blocked("G002", deep, message), normalised: None };
        }
        let Some(module) = parsed.try_into_module() else {
            return Analysis { findings: blocked("G003", 0.into(), "not a module".to_owned()), normalised: None };
        };
        if module.has_invalid_syntax() {
            let errors = module.errors().iter();
            let findings = errors
                .map(|error| {
                    positions.finding("invalid-syntax", Severity::Block, error.start(), error.error.to_string())
                })
                .collect();
            return Analysis { findings, normalised: None };
        }
        let normalised = Some(normalise::normalise(source, module.tokens()));
        let mut findings = hygiene::check(module.syntax(), &self.capabilities, &positions);
        if Instant::now() > deadline {
            findings.extend(blocked("G004", 0.into(), format!("the analysis took more than {} ms", limits.millis)));
            return Analysis { findings, normalised };
        }
        findings.extend(self.linter.lint(source, PySourceType::Python, module, &positions));
        Analysis { findings, normalised }
    }
}

impl Analyser for PythonAnalyser {
    fn rules(&self) -> Vec<String> {
        self.linter.rules().into_iter().chain(hygiene::rules()).collect()
    }

    fn analyse(&self, source: &str, limits: &Limits) -> Analysis {
        stacker::grow(STACK_BYTES, || self.analyse_here(source, limits))
    }
}

/// What one step found.
pub(super) type Findings = Vec<Finding>;
