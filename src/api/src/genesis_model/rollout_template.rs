use genesis_core::canary::{CanaryPolicy, CanaryStep};
use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What Rollouts are made from.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutTemplate {
    /// The steps.
    #[serde(default = "default_steps")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = steps_rule())]
    pub steps: Vec<StepSpec>,
    /// How harm is recognised.
    #[serde(default)]
    pub analysis: AnalysisSpec,
    /// Seconds without progress after which the rollout counts as failed.
    #[serde(default = "default_progress_deadline")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub progress_deadline_seconds: i64,
    /// What happens then, or when the candidate hurts.
    #[serde(default)]
    pub on_failure: OnFailure,
}

impl Default for RolloutTemplate {
    fn default() -> Self {
        Self {
            steps: default_steps(),
            analysis: AnalysisSpec::default(),
            progress_deadline_seconds: default_progress_deadline(),
            on_failure: OnFailure::default(),
        }
    }
}

/// Weights only grow, and the candidate has seen all traffic before it is promoted.
pub(crate) fn steps_rule() -> Rule {
    Rule::new("self.map(s, s.weight).isSorted() && self[size(self) - 1].weight == 100")
        .message("the weights must not fall from step to step, and the last one must be 100")
}

pub(crate) fn default_steps() -> Vec<StepSpec> {
    [10, 50, 100].map(|weight| StepSpec { weight, min_requests: 20, min_seconds: 60 }).to_vec()
}

pub(crate) fn default_progress_deadline() -> i64 {
    600
}

/// What happens to a candidate that hurts or does not get on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// It is taken off, and what was learned from its answers is taken back.
    #[default]
    Rollback,
    /// It takes no traffic until a person decides.
    Pause,
}

/// One step of a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepSpec {
    /// Share of the candidate, percent.
    #[schemars(range(min = 1, max = 100))]
    pub weight: i32,
    /// Verified requests the candidate must have answered in this step.
    #[serde(default = "default_min_requests")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub min_requests: i64,
    /// Seconds the step lasts at least.
    #[serde(default = "default_min_seconds")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub min_seconds: i64,
}

fn default_min_requests() -> i64 {
    20
}

fn default_min_seconds() -> i64 {
    60
}

impl From<&StepSpec> for CanaryStep {
    fn from(spec: &StepSpec) -> Self {
        Self {
            weight: spec.weight.clamp(0, 100) as u8,
            min_requests: spec.min_requests.unsigned_abs(),
            min_seconds: spec.min_seconds,
        }
    }
}

/// How harm is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisSpec {
    /// How much lower than the stable's the quality may be; 100 basis points are one percentage point.
    #[schemars(range(min = 0, max = 10_000))]
    pub max_regression_basis_points: i32,
    /// Two-sided error of the always-valid interval, percent.
    #[schemars(range(min = 1, max = 50))]
    pub alpha_percent: i32,
    /// Requests of each arm before anything is concluded.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub min_requests: i64,
    /// A candidate whose first this many verified answers all fail is taken off at once; 0 switches this off.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub all_failed_limit: i64,
}

impl Default for AnalysisSpec {
    fn default() -> Self {
        let policy = CanaryPolicy::default();
        Self {
            max_regression_basis_points: policy.max_regression_basis_points as i32,
            alpha_percent: policy.alpha_percent as i32,
            min_requests: policy.min_requests as i64,
            all_failed_limit: policy.all_failed_limit as i64,
        }
    }
}

impl From<&AnalysisSpec> for CanaryPolicy {
    fn from(spec: &AnalysisSpec) -> Self {
        Self {
            max_regression_basis_points: spec.max_regression_basis_points.unsigned_abs(),
            alpha_percent: spec.alpha_percent.unsigned_abs(),
            min_requests: spec.min_requests.unsigned_abs(),
            all_failed_limit: spec.all_failed_limit.unsigned_abs(),
        }
    }
}
