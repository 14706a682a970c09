//! What happens around the operator in a run.

use genesis_api::rollout::CompletionStatus;

/// How good a candidate is, before and after it goes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum Scenario {
    /// Better in the evaluation and under live traffic.
    Promoted,
    /// Worse in the evaluation.
    Rejected,
    /// Better in the evaluation, harmful under live traffic.
    RolledBack,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Promoted, Self::Rejected, Self::RolledBack];

    /// pass@1 gained over the base, as the evaluator finds it.
    pub fn gain(self) -> f64 {
        if self == Self::Rejected { -0.3 } else { 0.3 }
    }

    /// Mean quality of the candidate's answers under live traffic; the base has 0.7.
    pub fn live_quality(self) -> f64 {
        if self == Self::RolledBack { 0.1 } else { 0.9 }
    }

    /// How its Rollout must end, if there is one.
    pub fn completion(self) -> Option<CompletionStatus> {
        match self {
            Self::Promoted => Some(CompletionStatus::Promoted),
            Self::Rejected => None,
            Self::RolledBack => Some(CompletionStatus::RolledBack),
        }
    }
}
