//! Judging drafts: gate, sandbox, score. Used for the two pathways and again for the third pass.

use std::sync::Arc;
use std::time::Instant;

use genesis_core::execution::{ExecutionRecord, ExecutionRequest, Limits, Outcome};
use genesis_core::quality::{QualityFacts, score};
use genesis_core::task::{Language, TestSuite};

use super::candidate::{Candidate, Draft};
use super::gate::{Gated, Gatekeeper};
use crate::executor::Executor;
use crate::metrics::{Metrics, Stage};
use crate::routing::ModelKey;

/// What judging needs, whatever is judged.
pub struct Judge<'a> {
    /// Validates before anything runs.
    pub gate: &'a Arc<Gatekeeper>,
    /// Executes.
    pub executor: &'a dyn Executor,
    /// Whose sandboxes.
    pub model: &'a ModelKey,
    /// Language of the programs.
    pub language: Language,
    /// Hidden tests.
    pub tests: Option<&'a TestSuite>,
    /// Bounds of one execution.
    pub limits: Limits,
    /// Where the time goes.
    pub metrics: &'a Metrics,
}

impl Judge<'_> {
    /// Judges every draft. `id` makes the execution ids unique over all requests and passes.
    pub async fn judge(&self, drafts: Vec<Draft>, id: &str) -> Vec<Candidate> {
        let began = Instant::now();
        let gated = self.gate.check(self.language, drafts).await;
        self.metrics.stage(Stage::Gate, began.elapsed());
        let began = Instant::now();
        let records = self.execute(&gated, id).await;
        self.metrics.stage(Stage::Execute, began.elapsed());
        gated.into_iter().zip(records).map(|(gated, record)| self.score(gated, record)).collect()
    }

    /// Runs what the gate let through, and what met an infra outcome once more. `None`: not run, or no sandbox.
    async fn execute(&self, gated: &[Gated], id: &str) -> Vec<Option<ExecutionRecord>> {
        let mut records: Vec<Option<ExecutionRecord>> = vec![None; gated.len()];
        for attempt in 0..2 {
            let open = |position: &usize| {
                let judged =
                    records[*position].as_ref().is_some_and(|record| record.verdict.outcome() != Outcome::Infra);
                gated[*position].record.passed && !judged
            };
            let positions: Vec<usize> = (0..gated.len()).filter(open).collect();
            if positions.is_empty() {
                break;
            }
            if attempt > 0 {
                self.metrics.infra_retry(positions.len());
            }
            let requests = positions.iter().map(|i| self.request(&gated[*i], format!("{id}/{i}/{attempt}"))).collect();
            match self.executor.run(self.model, requests).await {
                Ok(answered) => {
                    for (position, record) in positions.into_iter().zip(answered) {
                        records[position] = Some(record);
                    }
                }
                // The executor has tried for as long as it may: another attempt would only make the consumer wait.
                Err(error) => {
                    tracing::warn!(%error, id, "Programs were not executed.");
                    break;
                }
            }
        }
        records
    }

    fn request(&self, gated: &Gated, id: String) -> ExecutionRequest {
        ExecutionRequest {
            id,
            language: self.language,
            source: gated.draft.source.clone(),
            tests: self.tests.cloned(),
            capture: false,
            limits: self.limits,
        }
    }

    fn score(&self, gated: Gated, execution: Option<ExecutionRecord>) -> Candidate {
        let outcome = match (&execution, gated.record.passed) {
            (_, false) => Outcome::Fail,
            (Some(record), true) => record.verdict.outcome(),
            (None, true) => Outcome::Infra,
        };
        let quality = score(&QualityFacts {
            outcome,
            gate_passed: gated.record.passed,
            gate_warnings: gated.record.warnings,
            cpu_ms: execution.as_ref().map_or(0, |record| record.cpu_ms),
            cpu_limit_ms: self.limits.cpu_ms,
        });
        let Gated { draft, record, blocked_by, normalised } = gated;
        Candidate { draft, gate: record, blocked_by, normalised, execution, outcome, quality }
    }
}
