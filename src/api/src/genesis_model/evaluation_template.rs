use genesis_core::Digest;
use genesis_core::promotion::PromotionGate;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decimal, PodSettings, schema};

/// What Evaluations are made from.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationTemplate {
    /// The suites. The first one decides, the others must not regress.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub suites: Vec<SuiteSpec>,
    /// What is asked of a candidate.
    #[serde(default)]
    pub gate: GateSpec,
    /// How answers are drawn.
    #[serde(default)]
    pub sampling: SamplingSpec,
    /// Attempts that may fail for a reason of ours.
    #[serde(default = "default_backoff_limit")]
    #[schemars(range(min = 0, max = 100))]
    pub backoff_limit: i32,
    /// Seconds an evaluation may take with all its attempts.
    #[serde(default = "default_deadline")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub active_deadline_seconds: i64,
    /// The evaluator's pod.
    #[serde(default)]
    pub evaluator: PodSettings,
}

pub(crate) fn default_backoff_limit() -> i32 {
    3
}

pub(crate) fn default_deadline() -> i64 {
    6 * 3600
}

/// A suite of tasks with hidden tests.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.uri.startsWith('store://') || has(self.digest)")
        .message("a file:// suite needs its digest: otherwise nobody can say what was judged")
)]
pub struct SuiteSpec {
    /// Name in results.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// `file:///…`, or `store://suites/NAME` for an alias in the artifact store.
    #[schemars(schema_with = "schema::suite_uri")]
    pub uri: String,
    /// Digest of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_digest")]
    pub digest: Option<Digest>,
}

/// What is asked of a candidate. 100 basis points are one percentage point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GateSpec {
    /// Gain in pass@1 of the first suite.
    #[schemars(range(min = 0, max = 10_000))]
    pub min_improvement_basis_points: i32,
    /// One-sided confidence of its lower bound, which must be above zero.
    #[schemars(range(min = 50, max = 99))]
    pub confidence_percent: i32,
    /// Tasks that must have been counted.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_tasks: i64,
    /// How far pass@8, or another suite's pass@1, may fall.
    #[schemars(range(min = 0, max = 10_000))]
    pub max_regression_basis_points: i32,
    /// How much of the must-pass core may break.
    #[schemars(range(min = 0, max = 10_000))]
    pub max_core_broken_basis_points: i32,
}

impl Default for GateSpec {
    fn default() -> Self {
        let gate = PromotionGate::default();
        Self {
            min_improvement_basis_points: gate.min_improvement_basis_points as i32,
            confidence_percent: gate.confidence_percent as i32,
            min_tasks: gate.min_tasks as i64,
            max_regression_basis_points: gate.max_regression_basis_points as i32,
            max_core_broken_basis_points: gate.max_core_broken_basis_points as i32,
        }
    }
}

impl From<&GateSpec> for PromotionGate {
    fn from(spec: &GateSpec) -> Self {
        Self {
            min_improvement_basis_points: spec.min_improvement_basis_points.unsigned_abs(),
            confidence_percent: spec.confidence_percent.unsigned_abs(),
            min_tasks: spec.min_tasks.unsigned_abs(),
            max_regression_basis_points: spec.max_regression_basis_points.unsigned_abs(),
            max_core_broken_basis_points: spec.max_core_broken_basis_points.unsigned_abs(),
        }
    }
}

/// How answers are drawn, the same for champion and candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SamplingSpec {
    /// Samples for each task; 8 at least for pass@8.
    #[schemars(range(min = 1, max = 256))]
    pub samples: i32,
    /// Temperature.
    pub temperature: Decimal,
    /// Most tokens of one answer.
    #[schemars(range(min = 1, max = 65_536))]
    pub max_tokens: i32,
    /// Seed.
    #[schemars(range(min = 0))]
    pub seed: i64,
}

impl Default for SamplingSpec {
    fn default() -> Self {
        Self { samples: 8, temperature: Decimal::new("0.8"), max_tokens: 160, seed: 11 }
    }
}
