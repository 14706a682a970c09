//! What a consumer is told.

use genesis_core::execution::Outcome;
use genesis_core::quality::Quality;
use genesis_ledger::types::generation::{Arm, Pathway};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::candidate::Candidate;

/// The answer to a prompt: code, what is known of it, and how it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// Id of the generation in the ledger.
    #[schema(example = "0b7c4f1e-6a0e-5a5d-9f43-4f1ad1f7f0c2")]
    pub id: String,
    /// The whole program; null if no candidate may be served.
    pub code: Option<String>,
    /// What the model wrote of it, without the prompt.
    pub completion: Option<String>,
    /// Score in [0, 1].
    pub quality: f64,
    /// What the score is made of.
    pub quality_parts: QualityParts,
    /// It was executed and passed every test.
    pub verified: bool,
    /// `pass`, `fail` or `unverified` (there were no tests).
    #[schema(value_type = String, example = "pass")]
    pub outcome: Outcome,
    /// The GenesisModel.
    #[schema(example = "default/seedling")]
    pub model: String,
    /// The name under which the inference server serves what answered.
    pub served_name: String,
    /// Digest of the adapter that answered; null for the base model.
    pub adapter_digest: Option<String>,
    /// `stable`, or `canary` for an adapter on trial.
    #[schema(value_type = String, example = "stable")]
    pub arm: Arm,
    /// The canary was chosen, but a replica did not have it: the stable model answered.
    pub canary_fallback: bool,
    /// Ids of the patterns that stood in the context of the answer.
    pub patterns_used: Vec<String>,
    /// Every program that was considered.
    pub candidates: Vec<CandidateSummary>,
    /// How the answer was found, for a person.
    pub explanation: String,
}

/// The parts of a score, each in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QualityParts {
    /// Weight 0.40: it ran and passed every test.
    pub execution_success: f64,
    /// Weight 0.30: the gate let it through.
    pub gate_pass: f64,
    /// Weight 0.20: no findings.
    pub no_validation_errors: f64,
    /// Weight 0.10: share of the time allowed that was left.
    pub efficiency: f64,
}

/// One candidate in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CandidateSummary {
    /// `analytical`, `creative` or `fusion`.
    #[schema(value_type = String, example = "analytical")]
    pub pathway: Pathway,
    /// Samples that gave this program.
    pub samples: u32,
    /// `pass`, `fail`, `unverified` or `infra`.
    #[schema(value_type = String, example = "fail")]
    pub outcome: Outcome,
    /// Score; null for infra.
    pub quality: Option<f64>,
    /// Why it failed, in a few words; empty where it did not.
    pub reason: String,
    /// Tests passed.
    pub tests_passed: u32,
    /// Tests declared.
    pub tests_declared: u32,
}

impl From<&Quality> for QualityParts {
    fn from(quality: &Quality) -> Self {
        Self {
            execution_success: quality.execution_success,
            gate_pass: quality.gate_pass,
            no_validation_errors: quality.no_validation_errors,
            efficiency: quality.efficiency,
        }
    }
}

impl From<&Candidate> for CandidateSummary {
    fn from(candidate: &Candidate) -> Self {
        let tests = candidate.execution.as_ref().map(|record| record.tests).unwrap_or_default();
        let blocked = candidate.blocked_by.as_ref().map(|rule| format!("refused by the gate: {rule}"));
        let failed = || match (&candidate.execution, candidate.outcome) {
            (_, Outcome::Pass | Outcome::Unverified) => String::new(),
            (Some(record), Outcome::Fail | Outcome::Infra) => record.verdict.to_string(),
            (None, Outcome::Fail | Outcome::Infra) => "not executed".to_owned(),
        };
        Self {
            pathway: candidate.draft.pathway,
            samples: candidate.draft.samples,
            outcome: candidate.outcome,
            quality: candidate.quality.map(|quality| quality.score),
            // The verdict, never the reason: which call failed would give the hidden tests away.
            reason: blocked.unwrap_or_else(failed),
            tests_passed: tests.passed,
            tests_declared: tests.declared,
        }
    }
}

/// One sentence on what was tried, one on what was chosen.
pub fn explain(candidates: &[Candidate], answered: Option<usize>) -> String {
    let samples: u32 = candidates.iter().map(|candidate| candidate.draft.samples).sum();
    let count = |outcome| candidates.iter().filter(|candidate| candidate.outcome == outcome).count();
    let blocked = candidates.iter().filter(|candidate| !candidate.gate.passed).count();
    let mut text = format!("{samples} samples gave {} different programs", candidates.len());
    for (number, what) in [
        (count(Outcome::Pass), "passed every test"),
        (count(Outcome::Unverified), "ran, without tests to judge them"),
        (count(Outcome::Fail) - blocked, "failed"),
        (blocked, "were refused by the gate"),
        (count(Outcome::Infra), "could not be judged"),
    ] {
        if number > 0 {
            text.push_str(&format!("; {number} {what}"));
        }
    }
    text.push_str(". ");
    text.push_str(&match answered.and_then(|position| candidates.get(position)) {
        Some(chosen) => format!("The best one comes from the {} pathway.", chosen.draft.pathway),
        None => "None may be served.".to_owned(),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::testing::candidate;

    #[test]
    fn the_explanation_counts_what_happened() {
        let candidates = [
            candidate(Pathway::Analytical, "a").with(Outcome::Fail, 0),
            candidate(Pathway::Creative, "b").sampled(2),
            candidate(Pathway::Creative, "c").blocked("S307"),
        ];
        assert_eq!(
            explain(&candidates, Some(1)),
            "4 samples gave 3 different programs; 1 passed every test; 1 failed; 1 were refused by the gate. \
             The best one comes from the creative pathway."
        );
    }

    #[test]
    fn a_summary_never_says_which_test_failed() {
        let mut failed = candidate(Pathway::Analytical, "a").with(Outcome::Fail, 0);
        failed.execution.as_mut().unwrap().reason = "call 3 with [1, 2]: wrong value".into();
        assert_eq!(CandidateSummary::from(&failed).reason, "WRONG_ANSWER");
    }
}
