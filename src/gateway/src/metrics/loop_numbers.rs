//! The seven numbers of the product.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct ModelLabel {
    model: String,
}

type Ratio = Family<ModelLabel, Gauge<f64, AtomicU64>>;
type Count = Family<ModelLabel, Gauge>;

/// The numbers of one model, as the ledger holds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelNumbers {
    /// `namespace/name`.
    pub model: String,
    /// Generations: turns of the loop.
    pub total_cycles: u64,
    /// Passed of those with tests, `[0, 1]`.
    pub success_rate: f64,
    /// Mean quality of all scored answers.
    pub quality_score_avg: f64,
    /// Learnings, without the reverted.
    pub learnings_captured: u64,
    /// Mean confidence of the patterns in use.
    pub patterns_confidence_avg: f64,
    /// Training runs that froze a dataset.
    pub training_runs: u64,
    /// Mean quality of the answers of the present champion.
    pub model_quality: f64,
}

/// The gauges. Counts are gauges too: a counter's name would get the suffix `_total`.
pub struct LoopNumbers {
    total_cycles: Count,
    success_rate: Ratio,
    quality_score_avg: Ratio,
    learnings_captured: Count,
    patterns_confidence_avg: Ratio,
    training_runs: Count,
    model_quality: Ratio,
    /// Models that are reported.
    told: Mutex<BTreeSet<ModelLabel>>,
}

impl LoopNumbers {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let numbers = Self {
            total_cycles: Count::default(),
            success_rate: Ratio::default(),
            quality_score_avg: Ratio::default(),
            learnings_captured: Count::default(),
            patterns_confidence_avg: Ratio::default(),
            training_runs: Count::default(),
            model_quality: Ratio::default(),
            told: Mutex::default(),
        };
        let n = &numbers;
        registry.register("genesis_total_cycles", "Generation cycles recorded", n.total_cycles.clone());
        registry.register(
            "genesis_success_rate",
            "Share of tested answers that passed, 0 to 1",
            n.success_rate.clone(),
        );
        registry.register(
            "genesis_quality_score_avg",
            "Mean quality of all answers, 0 to 1",
            n.quality_score_avg.clone(),
        );
        registry.register("genesis_learnings_captured", "Learnings captured", n.learnings_captured.clone());
        registry.register(
            "genesis_patterns_confidence_avg",
            "Mean confidence of the patterns in use, 0 to 1",
            n.patterns_confidence_avg.clone(),
        );
        registry.register("genesis_training_runs", "Training runs that froze a dataset", n.training_runs.clone());
        registry.register(
            "genesis_model_quality",
            "Mean quality of the champion's answers, 0 to 1",
            n.model_quality.clone(),
        );
        numbers
    }

    /// Values are replaced one by one and only what is gone is taken out: a scrape at the same time always finds the
    /// models that are there.
    pub(super) fn set(&self, models: &[ModelNumbers]) {
        for model in models {
            let label = ModelLabel { model: model.model.clone() };
            let count = |family: &Count, value: u64| family.get_or_create(&label).set(value as i64);
            let ratio = |family: &Ratio, value: f64| family.get_or_create(&label).set(value);
            count(&self.total_cycles, model.total_cycles);
            ratio(&self.success_rate, model.success_rate);
            ratio(&self.quality_score_avg, model.quality_score_avg);
            count(&self.learnings_captured, model.learnings_captured);
            ratio(&self.patterns_confidence_avg, model.patterns_confidence_avg);
            count(&self.training_runs, model.training_runs);
            ratio(&self.model_quality, model.model_quality);
        }
        let present: BTreeSet<ModelLabel> =
            models.iter().map(|model| ModelLabel { model: model.model.clone() }).collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in told.difference(&present) {
            self.forget(gone);
        }
        *told = present;
    }

    fn forget(&self, label: &ModelLabel) {
        for family in [&self.total_cycles, &self.learnings_captured, &self.training_runs] {
            family.remove(label);
        }
        for family in [&self.success_rate, &self.quality_score_avg, &self.patterns_confidence_avg, &self.model_quality]
        {
            family.remove(label);
        }
    }
}
