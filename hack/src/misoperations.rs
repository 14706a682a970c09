//! `cargo dev misoperations`: every field of the four kinds, wrong and to its limits, on a running system.
//!
//! What can be done to a field is read from the schema: it is unset, set to its least and its most, beyond these, to
//! another type, another choice. What is wrong must be refused with a reason that names the field, and change nothing. What
//! is right must bring the system to the end at which a new one with the same spec arrives, and going back must bring it to
//! where it was. So does Acto (SOSP 2023): <https://github.com/xlab-uiuc/acto>.

mod campaign;
mod canonical;
mod kinds;
mod mutate;
mod refusal;
mod running;
mod values;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use futures::stream::{self, StreamExt};
use serde::Serialize;

use crate::report;
use campaign::Outcome;
pub use kinds::Kind;
use mutate::Mutation;
use running::Running;

/// Systems that run at one time.
const AT_ONCE: usize = 6;
/// Stands for the store of a stage in specs that are tried on more than one.
const STORE: &str = "file:///the-store-of-the-stage";

/// Panics of this process while a campaign runs.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// The report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Mutations that were tried.
    pub runs: usize,
    /// Of them, those in which something was broken.
    pub violations: usize,
    /// What.
    pub broken: Vec<String>,
    /// Mutations by kind and outcome.
    pub by_outcome: BTreeMap<String, usize>,
    /// Mutations by what was done.
    pub by_change: BTreeMap<String, usize>,
    /// Fields by kind.
    pub fields: BTreeMap<String, usize>,
    /// Panics.
    pub panics: usize,
    /// Wall time.
    pub seconds: f64,
}

/// Runs the campaign; one of `stride` mutations is tried, of those only whose kind and path have `only` in them.
pub async fn run(stride: usize, only: &str) -> Result<Report> {
    let clock = Instant::now();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        hook(info);
    }));
    let mut report = Report::default();
    for kind in Kind::ALL {
        let base = Running::begin(kind, None).await?;
        let spec: serde_json::Value = serde_json::from_str(&base.spec()?.to_string().replace(&base.store(), STORE))?;
        let end = base.end().await.map_err(anyhow::Error::msg)?;
        base.finish().await?;
        let all = mutate::all(&kind.schema()?, &spec);
        let mut paths: Vec<&str> = all.iter().map(|mutation| mutation.path.as_str()).collect();
        paths.dedup();
        report.fields.insert(kind.to_string(), paths.len());
        let tried = all.into_iter().filter(|mutation| format!("{kind} {}", mutation.path).contains(only));
        let tried: Vec<Mutation> = tried.step_by(stride.max(1)).collect();
        let share = tried.len().div_ceil(AT_ONCE).max(1);
        let shares: Vec<Vec<Mutation>> = tried.chunks(share).map(<[Mutation]>::to_vec).collect();
        let mut parts = stream::iter(shares).map(|share| part(kind, share, end.clone())).buffer_unordered(AT_ONCE);
        while let Some(part) = parts.next().await {
            for (mutation, outcome) in part? {
                report.add(kind, &mutation, outcome);
            }
        }
    }
    report.panics = PANICS.swap(0, Ordering::Relaxed);
    report.seconds = clock.elapsed().as_secs_f64();
    report.print();
    println!("report: {}", report::write("misoperations", &report)?.display());
    let Report { violations, panics, runs, broken, .. } = &report;
    ensure!(*violations == 0, "{violations} of {runs} mutations broke something: {broken:#?}");
    ensure!(*panics == 0, "{panics} panics");
    Ok(report)
}

/// Mutations of one kind, one after the other on one system. After one that broke something a new system takes over.
async fn part(kind: Kind, share: Vec<Mutation>, end: String) -> Result<Vec<(Mutation, Result<Outcome, String>)>> {
    let mut outcomes = Vec::new();
    let mut running = Running::begin(kind, None).await?;
    running.comes_to(&end).await.map_err(anyhow::Error::msg)?;
    for mutation in share {
        let outcome = running.attempt(&mutation, &end).await;
        if outcome.is_err() {
            // It may have ended already; that is what was reported.
            let _ = running.finish().await;
            running = Running::begin(kind, None).await?;
            running.comes_to(&end).await.map_err(anyhow::Error::msg)?;
        }
        outcomes.push((mutation, outcome));
    }
    running.finish().await?;
    Ok(outcomes)
}

impl Report {
    fn add(&mut self, kind: Kind, mutation: &Mutation, outcome: Result<Outcome, String>) {
        self.runs += 1;
        *self.by_change.entry(mutation.what.to_owned()).or_default() += 1;
        let words = match outcome {
            Ok(outcome) => outcome.to_string(),
            Err(why) => {
                self.violations += 1;
                self.broken.push(format!("{kind} {} {}: {why}", mutation.path, mutation.what));
                "broken".to_owned()
            }
        };
        *self.by_outcome.entry(format!("{kind}: {words}")).or_default() += 1;
    }

    fn print(&self) {
        let mut table = report::table(&["kind: outcome", "mutations"]);
        for (name, count) in &self.by_outcome {
            table.add_row([name.clone(), count.to_string()]);
        }
        println!("{table}");
        let Self { runs, violations, panics, seconds, .. } = self;
        let fields: usize = self.fields.values().sum();
        println!("{runs} mutations of {fields} fields, {violations} violations, {panics} panics, {seconds:.0} s");
    }
}
