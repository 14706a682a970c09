//! The operator's own numbers, in OpenMetrics text.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Labels of a reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconcile {
    kind: String,
    result: String,
}

/// Labels of a duration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

/// Labels of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Watch {
    watch: String,
}

/// Counters and histograms. The labels are kinds and reasons: few, whatever the number of objects.
pub struct Metrics {
    registry: Registry,
    reconciles: Family<Reconcile, Counter>,
    seconds: Family<Kind, Histogram>,
    events: Family<Kind, Counter>,
    under_way: Family<Kind, Gauge>,
    seen: Family<Kind, Gauge>,
    silences: Family<Watch, Gauge<f64, AtomicU64>>,
    leads: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("genesis_operator");
        let reconciles = Family::<Reconcile, Counter>::default();
        registry.register("reconciles", "Reconciles by kind and result", reconciles.clone());
        let seconds = Family::<Kind, Histogram>::new_with_constructor(|| {
            Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.3, 1.0, 3.0, 10.0, 30.0])
        });
        registry.register("reconcile_seconds", "Duration of a reconcile", seconds.clone());
        let events = Family::<Kind, Counter>::default();
        registry.register("job_events", "Events that Jobs told of", events.clone());
        let under_way = Family::<Kind, Gauge>::default();
        registry.register("reconciles_under_way", "Reconciles that have begun and not ended", under_way.clone());
        let seen = Family::<Kind, Gauge>::default();
        registry.register(
            "objects_seen",
            "Objects that this operator has reconciled since it began to act",
            seen.clone(),
        );
        let silences = Family::<Watch, Gauge<f64, AtomicU64>>::default();
        registry.register("watch_silence_seconds", "Time since anything came on a watch", silences.clone());
        let leads = Gauge::default();
        registry.register("leads", "1 in the operator that acts", leads.clone());
        Self { registry, reconciles, seconds, events, under_way, seen, silences, leads }
    }
}

impl Metrics {
    /// One reconcile has begun.
    pub fn began(&self, kind: &'static str) {
        self.under_way.get_or_create(&Kind { kind: kind.into() }).inc();
    }

    /// The controllers run in this operator.
    pub fn leads(&self) {
        self.leads.set(1);
    }

    /// One reconcile has ended, well (`ok`) or with a reason.
    pub fn reconciled(&self, kind: &'static str, result: &'static str, took: Duration) {
        self.under_way.get_or_create(&Kind { kind: kind.into() }).dec();
        self.reconciles.get_or_create(&Reconcile { kind: kind.into(), result: result.into() }).inc();
        self.seconds.get_or_create(&Kind { kind: kind.into() }).observe(took.as_secs_f64());
    }

    /// So many objects of a kind were looked at since the controllers run. Those that are gone may count a while longer.
    pub fn seen(&self, kind: &'static str, objects: usize) {
        self.seen.get_or_create(&Kind { kind: kind.into() }).set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// A Job's event was written down.
    pub fn job_event(&self, kind: &'static str) {
        self.events.get_or_create(&Kind { kind: kind.into() }).inc();
    }

    /// All of it as text, with the seconds since each watch was heard of.
    pub fn text(&self, silences: &BTreeMap<String, f64>) -> String {
        self.silences.clear();
        for (watch, seconds) in silences {
            self.silences.get_or_create(&Watch { watch: watch.clone() }).set(*seconds);
        }
        let mut out = String::new();
        match text::encode(&mut out, &self.registry) {
            Ok(()) => out,
            Err(error) => format!("# {error}\n# EOF\n"),
        }
    }
}
