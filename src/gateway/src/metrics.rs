//! What Prometheus reads on the metrics port.
//!
//! The seven numbers of the product are read from the ledger at every scrape, so that they survive a restart.
//! Latencies and counts of this process are kept here.

mod loop_numbers;

use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub use loop_numbers::{LoopNumbers, ModelNumbers};

/// Steps of the pipeline, as they are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Finding patterns.
    Retrieve,
    /// Both pathways together.
    Sample,
    /// The quality gate.
    Gate,
    /// The sandbox, with the wait for a batch.
    Execute,
    /// The ledger's commit.
    Record,
    /// All of it.
    Whole,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Retrieve => "retrieve",
            Self::Sample => "sample",
            Self::Gate => "gate",
            Self::Execute => "execute",
            Self::Record => "record",
            Self::Whole => "whole",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    path: String,
    status: u16,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Metrics of one gateway process.
pub struct Metrics {
    registry: Registry,
    numbers: LoopNumbers,
    stages: Histograms<StageLabels>,
    requests: Family<RequestLabels, Counter>,
    batches: Histogram,
    in_flight: Gauge,
    infra_retries: Counter,
    canary_fallbacks: Counter,
}

/// From a millisecond to about a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let numbers = LoopNumbers::register(&mut registry);
        let stages = Histograms::new_with_constructor(seconds as fn() -> Histogram);
        registry.register(
            "genesis_stage_seconds",
            "Time one request spends in a stage of the pipeline",
            stages.clone(),
        );
        let requests = Family::default();
        registry.register("genesis_http_requests", "Answered HTTP requests by route and status", requests.clone());
        let batches = Histogram::new(exponential_buckets(1.0, 2.0, 10));
        registry.register("genesis_sandbox_batch_programs", "Programs in one batch sent to a sandbox", batches.clone());
        let in_flight = Gauge::default();
        registry.register("genesis_generations_in_flight", "Generations being worked on", in_flight.clone());
        let infra_retries = Counter::default();
        registry.register(
            "genesis_infra_retries",
            "Programs executed again after an infra outcome",
            infra_retries.clone(),
        );
        let canary_fallbacks = Counter::default();
        registry.register(
            "genesis_canary_fallbacks",
            "Requests of the canary that the stable model answered, left out of its statistics",
            canary_fallbacks.clone(),
        );
        Self { registry, numbers, stages, requests, batches, in_flight, infra_retries, canary_fallbacks }
    }
}

impl Metrics {
    /// Remembers how long a stage took.
    pub fn stage(&self, stage: Stage, took: Duration) {
        self.stages.get_or_create(&StageLabels { stage: stage.name() }).observe(took.as_secs_f64());
    }

    /// Times a future as a stage.
    pub async fn timed<T>(&self, stage: Stage, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        self.stage(stage, began.elapsed());
        done
    }

    /// Counts an answered request. `path` is the route's pattern, not the path that was asked for.
    pub fn request(&self, path: &str, status: u16) {
        self.requests.get_or_create(&RequestLabels { path: path.to_owned(), status }).inc();
    }

    /// Remembers the size of a batch.
    pub fn batch(&self, programs: usize) {
        self.batches.observe(programs as f64);
    }

    /// Counts programs that are executed again.
    pub fn infra_retry(&self, programs: usize) {
        self.infra_retries.inc_by(programs as u64);
    }

    /// Counts a request that the stable model answered in place of the canary.
    pub fn canary_fallback(&self) {
        self.canary_fallbacks.inc();
    }

    /// Counts a generation as being worked on until the value is dropped.
    pub fn in_flight(&self) -> impl Drop + use<> {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Replaces the product's numbers.
    pub fn set_numbers(&self, models: &[ModelNumbers]) {
        self.numbers.set(models);
    }

    /// Everything in the OpenMetrics text format.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_s_names_are_exact() {
        let metrics = Metrics::default();
        metrics.set_numbers(&[ModelNumbers {
            model: "default/seedling".into(),
            total_cycles: 7,
            success_rate: 0.5,
            quality_score_avg: 0.75,
            learnings_captured: 3,
            patterns_confidence_avg: 0.6,
            training_runs: 1,
            model_quality: 0.8,
        }]);
        let text = metrics.text().unwrap();
        for line in [
            "genesis_total_cycles{model=\"default/seedling\"} 7",
            "genesis_success_rate{model=\"default/seedling\"} 0.5",
            "genesis_quality_score_avg{model=\"default/seedling\"} 0.75",
            "genesis_learnings_captured{model=\"default/seedling\"} 3",
            "genesis_patterns_confidence_avg{model=\"default/seedling\"} 0.6",
            "genesis_training_runs{model=\"default/seedling\"} 1",
            "genesis_model_quality{model=\"default/seedling\"} 0.8",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_model_that_is_gone_is_no_longer_reported() {
        let metrics = Metrics::default();
        metrics.set_numbers(&[ModelNumbers { model: "a/b".into(), ..ModelNumbers::default() }]);
        metrics.set_numbers(&[]);
        assert!(!metrics.text().unwrap().contains("a/b"));
    }

    #[test]
    fn a_scrape_at_any_moment_finds_the_models_that_are_there() {
        let metrics = Metrics::default();
        let model = ModelNumbers { model: "a/b".into(), ..ModelNumbers::default() };
        metrics.set_numbers(std::slice::from_ref(&model));
        let replacing = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while replacing.load(std::sync::atomic::Ordering::Relaxed) {
                    metrics.set_numbers(std::slice::from_ref(&model));
                }
            });
            let found = (0..2_000).filter(|_| metrics.text().unwrap().contains("genesis_total_cycles{model=\"a/b\"}"));
            let found = found.count();
            replacing.store(false, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(found, 2_000);
        });
    }

    #[test]
    fn work_in_flight_is_counted_until_it_is_dropped() {
        let metrics = Metrics::default();
        let held = metrics.in_flight();
        assert!(metrics.text().unwrap().contains("genesis_generations_in_flight 1"));
        drop(held);
        assert!(metrics.text().unwrap().contains("genesis_generations_in_flight 0"));
    }
}
