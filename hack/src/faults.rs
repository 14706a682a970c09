//! `cargo dev faults`: the operator against a fault at every write and at every event.
//!
//! For each scenario one run without faults is recorded. Then the same scenario runs once for every write and every
//! fault of a request, once for every event and every fault of a watch, and with bursts of refusals all along. At every
//! event the operator also dies, and the next one begins on a view that is older than what the one before had seen. Each
//! run must come to the same end, and the invariants must hold at every moment. The Kubernetes API, its watches and the HTTP of Jobs are real; the programs in
//! the pods, the gateway and the inference servers are played.

mod end;
mod host;
mod invariants;
mod planned;
mod played;
mod scenario;
mod stage;
mod sweep;

pub use host::Restart;
pub use scenario::Scenario;
pub use stage::Stage;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, ensure};
use futures::stream::{self, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::report;

/// Runs under way at one time: most of a run is waiting.
const AT_ONCE: usize = 12;

/// The report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Runs with a fault.
    pub runs: usize,
    /// Of them, those in which the fault really happened: a run may end before it is due.
    pub faults_met: usize,
    /// Runs with another end, or with a broken invariant.
    pub violations: usize,
    /// What went wrong in them.
    pub broken: Vec<String>,
    /// Runs by scenario and fault.
    pub by_fault: BTreeMap<String, usize>,
    /// Wall time.
    pub seconds: f64,
}

/// Sweeps; one of `stride` faults is tried.
pub async fn run(stride: usize) -> Result<Report> {
    let clock = Instant::now();
    let mut report = Report::default();
    for scenario in Scenario::ALL {
        let calm = sweep::calm(scenario).await?;
        let runs: Vec<_> = planned::runs(&calm).into_iter().step_by(stride.max(1)).collect();
        let bar = progress(scenario, runs.len());
        let mut outcomes = stream::iter(runs)
            .map(|planned| sweep::disturbed(scenario, planned, calm.end.clone()))
            .buffer_unordered(AT_ONCE);
        while let Some(outcome) = outcomes.next().await {
            bar.inc(1);
            report.add(scenario, outcome);
        }
        bar.finish_and_clear();
    }
    report.seconds = clock.elapsed().as_secs_f64();
    report.print();
    println!("report: {}", report::write("faults", &report)?.display());
    ensure!(
        report.violations == 0,
        "{} of {} runs broke something: {:#?}",
        report.violations,
        report.runs,
        report.broken
    );
    Ok(report)
}

fn progress(scenario: Scenario, runs: usize) -> ProgressBar {
    let bar = ProgressBar::new(runs as u64);
    if let Ok(style) = ProgressStyle::with_template("  {prefix:<12} [{bar:30}] {pos}/{len} runs") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(scenario.to_string());
    bar
}

impl Report {
    fn add(&mut self, scenario: Scenario, outcome: sweep::Outcome) {
        self.runs += 1;
        self.faults_met += usize::from(outcome.met);
        *self.by_fault.entry(format!("{scenario}: {}", outcome.fault)).or_default() += 1;
        if let Some(broken) = outcome.broken {
            self.violations += 1;
            self.broken.push(format!("{scenario}, {}: {broken}", outcome.what));
        }
    }

    fn print(&self) {
        let mut table = report::table(&["scenario: fault", "runs"]);
        for (name, runs) in &self.by_fault {
            table.add_row([name.clone(), runs.to_string()]);
        }
        println!("{table}");
        let Self { runs, faults_met, violations, seconds, .. } = self;
        println!("{runs} runs, the fault happened in {faults_met}, {violations} violations, {seconds:.0} s");
    }
}
