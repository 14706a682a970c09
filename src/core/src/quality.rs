//! The quality score and its bands.

use serde::{Deserialize, Serialize};

use crate::execution::Outcome;

/// The four facts a score is made of, each in `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityFacts {
    /// What the sandbox said.
    pub outcome: Outcome,
    /// The gate let it through.
    pub gate_passed: bool,
    /// Findings of the gate that do not block.
    pub gate_warnings: u32,
    /// Processor time used, milliseconds.
    pub cpu_ms: u64,
    /// Processor time allowed, milliseconds.
    pub cpu_limit_ms: u64,
}

/// A score in `[0, 1]` with the parts it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// `0.40·execution_success + 0.30·gate_pass + 0.20·no_validation_errors + 0.10·efficiency`.
    pub score: f64,
    /// 1 only if the program ran to a clean exit and passed every test it has.
    pub execution_success: f64,
    /// 1 if the gate let it through.
    pub gate_pass: f64,
    /// 1 without findings, less 0.25 for each.
    pub no_validation_errors: f64,
    /// The share of the time allowed that was left.
    pub efficiency: f64,
}

/// What a score means for learning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Band {
    /// From 0.90: into the corpus.
    Excellent,
    /// From 0.75: into the corpus.
    Good,
    /// From 0.50: neutral.
    Acceptable,
    /// Below: a learning is captured.
    Poor,
}

/// Scores one candidate. `None` for an infra outcome: it says nothing about the program.
pub fn score(facts: &QualityFacts) -> Option<Quality> {
    let execution_success = match facts.outcome {
        Outcome::Infra => return None,
        Outcome::Pass => 1.0,
        Outcome::Fail | Outcome::Unverified => 0.0,
    };
    let gate_pass = if facts.gate_passed { 1.0 } else { 0.0 };
    let no_validation_errors = (1.0 - 0.25 * f64::from(facts.gate_warnings)).max(0.0);
    let efficiency = match facts.outcome {
        Outcome::Pass | Outcome::Unverified if facts.cpu_limit_ms > 0 => {
            (1.0 - facts.cpu_ms as f64 / facts.cpu_limit_ms as f64).clamp(0.0, 1.0)
        }
        Outcome::Pass | Outcome::Unverified | Outcome::Fail | Outcome::Infra => 0.0,
    };
    let score = 0.40 * execution_success + 0.30 * gate_pass + 0.20 * no_validation_errors + 0.10 * efficiency;
    Some(Quality { score, execution_success, gate_pass, no_validation_errors, efficiency })
}

/// The band of a score.
pub fn band(score: f64) -> Band {
    if score >= 0.90 {
        Band::Excellent
    } else if score >= 0.75 {
        Band::Good
    } else if score >= 0.50 {
        Band::Acceptable
    } else {
        Band::Poor
    }
}

/// Whether a candidate may enter the corpus and a training set: verified, and excellent or good.
///
/// The score alone never suffices: a program without tests is `unverified` however clean it looks.
pub fn enters_corpus(outcome: Outcome, score: f64) -> bool {
    outcome == Outcome::Pass && matches!(band(score), Band::Excellent | Band::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(outcome: Outcome, gate_passed: bool, gate_warnings: u32, cpu_ms: u64) -> QualityFacts {
        QualityFacts { outcome, gate_passed, gate_warnings, cpu_ms, cpu_limit_ms: 1_000 }
    }

    #[test]
    fn the_briefs_weights() {
        let cases = [
            (facts(Outcome::Pass, true, 0, 0), 1.0),
            (facts(Outcome::Pass, true, 0, 500), 0.95),
            (facts(Outcome::Pass, true, 2, 0), 0.90),
            (facts(Outcome::Pass, false, 0, 0), 0.70),
            (facts(Outcome::Fail, true, 0, 0), 0.50),
            (facts(Outcome::Fail, false, 0, 0), 0.20),
            (facts(Outcome::Fail, false, 9, 0), 0.0),
            (facts(Outcome::Unverified, true, 0, 0), 0.60),
        ];
        for (facts, want) in cases {
            let got = score(&facts).unwrap().score;
            assert!((got - want).abs() < 1e-12, "{facts:?}: {got} is not {want}");
        }
    }

    #[test]
    fn infra_has_no_score() {
        assert_eq!(score(&facts(Outcome::Infra, true, 0, 0)), None);
    }

    #[test]
    fn the_edges_of_the_bands() {
        for (score, want) in [
            (1.0, Band::Excellent),
            (0.90, Band::Excellent),
            (0.899, Band::Good),
            (0.75, Band::Good),
            (0.749, Band::Acceptable),
            (0.50, Band::Acceptable),
            (0.499, Band::Poor),
            (0.0, Band::Poor),
        ] {
            assert_eq!(band(score), want, "{score}");
        }
    }

    #[test]
    fn only_verified_work_enters_the_corpus() {
        assert!(enters_corpus(Outcome::Pass, 0.75));
        assert!(!enters_corpus(Outcome::Pass, 0.74));
        for outcome in [Outcome::Fail, Outcome::Infra, Outcome::Unverified] {
            assert!(!enters_corpus(outcome, 1.0), "{outcome}");
        }
    }
}
