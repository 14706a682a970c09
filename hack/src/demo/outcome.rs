//! What the demo found, for people and for `target/reports/demo.json`.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::Options;
use super::measure::Comparison;
use super::show::{Evaluated, Learned, RolledOut, Trained};
use crate::report;

/// The report. Rates and differences are between 0 and 1.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Outcome {
    report: Value,
}

impl Outcome {
    #[expect(clippy::too_many_arguments, reason = "one for each stage, in their order")]
    pub(super) fn new(
        options: &Options,
        learned: &Learned,
        trained: &Trained,
        evaluation: &Evaluated,
        rollout: &RolledOut,
        promoted: &Comparison,
        control: Option<&Comparison>,
        served: &genesis_core::Digest,
    ) -> Self {
        let summary = &promoted.summary;
        let report = json!({
            "seed": options.seed,
            "base": { "pass_at_1": summary.baseline_pass1 },
            "promoted": { "pass_at_1": summary.candidate_pass1 },
            "delta": { "estimate": promoted.gain.estimate, "lower95": promoted.gain.lower },
            "pass_at_8": { "before": summary.baseline_pass8, "after": summary.candidate_pass8 },
            "control_unfiltered": control.map(|control| json!({
                "pass_at_1": control.summary.candidate_pass1,
                "delta": control.gain.estimate,
            })),
            "sealed": { "tasks": summary.tasks, "families": summary.families, "samples": summary.samples },
            "evaluation": {
                "verdict": evaluation.verdict,
                "message": evaluation.message,
                "tasks": evaluation.tasks,
                "executions": evaluation.executions,
            },
            "rollout": { "completionStatus": rollout.completion, "proved_digest": rollout.proved_digest },
            "adapter": { "digest": trained.digest },
            "served": { "digest": served },
            "training": {
                "rows": trained.rows,
                "first_loss": trained.first_loss,
                "last_loss": trained.last_loss,
                "seconds": trained.seconds,
                "resumed": trained.resumed,
            },
            "traffic": { "answered": learned.answered, "verified": learned.verified, "dropped": rollout.dropped },
        });
        Self { report }
    }

    /// Adds what the public API counts, beside what the client counted: `sent` distinct requests were answered.
    pub(super) fn with_statistics(mut self, statistics: &Value, sent: usize) -> Self {
        self.report["learnings"] = statistics["learnings_captured"].clone();
        self.report["executions"] = statistics["executions"].clone();
        self.report["traffic"]["sent"] = json!(sent);
        self.report["traffic"]["recorded"] = statistics["total_cycles"].clone();
        self.report["statistics"] = statistics.clone();
        self
    }

    /// Adds the time it took.
    pub(super) fn after(mut self, elapsed: Duration) -> Self {
        self.report["wall_seconds"] = json!((elapsed.as_secs_f64() * 10.0).round() / 10.0);
        self
    }

    /// A value of the report by its path: `delta/lower95`.
    pub fn get(&self, path: &str) -> &Value {
        path.split('/').fold(&self.report, |value, name| &value[name])
    }

    /// The table at the end.
    pub(super) fn print(&self) {
        let percent = |path: &str| {
            self.get(path).as_f64().map_or_else(|| "–".to_owned(), |rate| format!("{:.1} %", 100.0 * rate))
        };
        let mut table = report::table(&["sealed tasks", "pass@1", "pass@8"]);
        table.add_row([String::from("before (base)"), percent("base/pass_at_1"), percent("pass_at_8/before")]);
        table.add_row([String::from("after (promoted)"), percent("promoted/pass_at_1"), percent("pass_at_8/after")]);
        table.add_row([String::from("control (unfiltered)"), percent("control_unfiltered/pass_at_1"), String::new()]);
        println!("\n{table}");
        println!(
            "gain {} (at least {} with 95 % confidence) in {} s",
            percent("delta/estimate"),
            percent("delta/lower95"),
            self.get("wall_seconds")
        );
    }
}
