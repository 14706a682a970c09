//! What came of it, and what was asked.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde::Serialize;

use super::activity::Activity;
use super::churn::Churned;
use crate::report;

/// Most resident memory, MiB.
const RSS_MIB: f64 = 256.0;
/// Longest reconcile in 99 of 100, ms.
const P99_MS: f64 = 100.0;
/// Longest time until a restarted operator has looked at everything, seconds.
const RESTART_SECONDS: f64 = 60.0;
/// Longest time until another operator acts, seconds.
const FAILOVER_SECONDS: f64 = 15.0;
/// Most that memory may grow by in an hour of churn, MiB.
const CHURN_MIB: f64 = 8.0;
/// Share of looks at which work may wait.
const SATURATED: f64 = 0.05;

/// The report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Objects of the four kinds.
    pub objects: usize,
    /// Of each kind and state.
    pub mix: BTreeMap<String, usize>,
    /// Seconds for making them.
    pub fill_seconds: f64,
    /// Seconds until the first operator had reconciled each of them once.
    pub first_start_seconds: f64,
    /// Seconds after that until every model served.
    pub first_convergence_seconds: f64,
    /// The same for an operator that is started again: nothing is to be done.
    pub restart_seconds: f64,
    /// Resident memory a minute after that.
    pub rss_mib: f64,
    /// The most until the end of the churn.
    pub rss_peak_mib: f64,
    /// Reconciles in a second while nothing changes.
    pub reconciles_per_second: f64,
    /// How long a reconcile takes then, in the middle.
    pub reconcile_p50_ms: f64,
    /// And in 99 of 100.
    pub reconcile_p99_ms: f64,
    /// And during the churn.
    pub churn_p99_ms: f64,
    /// Share of looks at which work waited while nothing changed.
    pub saturated: f64,
    /// And during the churn.
    pub churn_saturated: f64,
    /// Longest silence of a watch, seconds; the operator asks anew every 290.
    pub watch_silence_seconds: f64,
    /// Processors that the operator keeps busy while nothing changes.
    pub processors: f64,
    /// Objects that came and went.
    pub churn_objects: usize,
    /// How memory changed meanwhile, MiB in an hour.
    pub churn_mib_per_hour: f64,
    /// How far off that may be.
    pub churn_margin: f64,
    /// Seconds and MiB.
    pub churn_samples: Vec<(f64, f64)>,
    /// Seconds without a leader after one was killed, the worst of three.
    pub failover_seconds: f64,
    /// Each target, and whether it was met.
    pub targets: BTreeMap<&'static str, bool>,
}

impl Figures {
    /// The first operator, once all workloads are there.
    pub(super) fn calm(&mut self, activity: &Activity) {
        self.watch_silence_seconds = activity.watch_silence_seconds;
        self.rss_peak_mib = activity.rss_mib;
    }

    /// The second operator, a minute after it has looked at everything.
    pub(super) fn settled(&mut self, activity: &Activity, peak_mib: f64) {
        self.rss_mib = activity.rss_mib;
        self.rss_peak_mib = self.rss_peak_mib.max(peak_mib);
        self.reconciles_per_second = activity.reconciles_per_second;
        (self.reconcile_p50_ms, self.reconcile_p99_ms) = (activity.p50_ms, activity.p99_ms);
        self.saturated = activity.saturated;
        self.processors = activity.processors;
        self.watch_silence_seconds = self.watch_silence_seconds.max(activity.watch_silence_seconds);
    }

    /// The churn.
    pub(super) fn churned(&mut self, churned: Churned, peak_mib: f64) {
        self.rss_peak_mib = self.rss_peak_mib.max(peak_mib);
        self.churn_objects = churned.objects;
        let slope = churned.slope.unwrap_or_default();
        (self.churn_mib_per_hour, self.churn_margin) = (slope.estimate, slope.margin);
        self.churn_samples = churned.samples;
        (self.churn_p99_ms, self.churn_saturated) = (churned.activity.p99_ms, churned.activity.saturated);
        self.watch_silence_seconds = self.watch_silence_seconds.max(churned.activity.watch_silence_seconds);
    }

    /// The end: with it all targets can be judged.
    pub(super) fn failover(&mut self, seconds: f64) {
        self.failover_seconds = seconds;
        self.targets = self.lines().into_iter().filter_map(|line| Some((line.0, line.3?))).collect();
    }

    fn lines(&self) -> Vec<(&'static str, String, String, Option<bool>)> {
        let most = |name, value: f64, unit: &str, limit: f64| {
            (name, format!("{value:.1}{unit}"), format!("at most {limit}{unit}"), Some(value <= limit))
        };
        let told = |name, value: String| (name, value, String::new(), None);
        let growth = format!("{:+.1} ± {:.1} MiB/h", self.churn_mib_per_hour, self.churn_margin);
        // A short churn cannot show that there is no growth: it is judged by what it is sure of.
        let flat = self.churn_mib_per_hour - self.churn_margin <= CHURN_MIB;
        vec![
            told("first start, all reconciled", format!("{:.1} s", self.first_start_seconds)),
            told("then, all models serve", format!("{:.1} s", self.first_convergence_seconds)),
            most("memory, settled", self.rss_mib, " MiB", RSS_MIB),
            most("memory, peak", self.rss_peak_mib, " MiB", RSS_MIB),
            told("reconciles", format!("{:.0}/s", self.reconciles_per_second)),
            told("processors", format!("{:.2}", self.processors)),
            told("reconcile p50", format!("{:.1} ms", self.reconcile_p50_ms)),
            most("reconcile p99", self.reconcile_p99_ms, " ms", P99_MS),
            most("reconcile p99, churn", self.churn_p99_ms, " ms", P99_MS),
            most("work waits, calm", 100.0 * self.saturated, " %", 100.0 * SATURATED),
            most("work waits, churn", 100.0 * self.churn_saturated, " %", 100.0 * SATURATED),
            most("watch silence", self.watch_silence_seconds, " s", 360.0),
            most("restart", self.restart_seconds, " s", RESTART_SECONDS),
            ("memory, churn", growth, format!("not surely above {CHURN_MIB} MiB/h"), Some(flat)),
            most("failover", self.failover_seconds, " s", FAILOVER_SECONDS),
        ]
    }

    /// For people.
    pub(super) fn table(&self) -> Table {
        let mut table = report::table(&["figure", "measured", "target", ""]);
        for (name, measured, target, met) in self.lines() {
            let verdict = met.map_or("", |met| if met { "met" } else { "missed" });
            table.add_row([name, &measured, &target, verdict]);
        }
        table
    }
}
