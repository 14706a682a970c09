//! What the server tells Prometheus, under vLLM's names, so that dashboards and autoscalers written for vLLM work.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::answer::FinishReason;
use super::engine::AdapterId;

/// Bounds of the latency histograms, seconds.
const LATENCIES: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counters of one engine.
#[derive(Debug)]
pub struct Metrics {
    /// Sequences that are being computed.
    pub running: Gauge,
    /// Requests in the queue.
    pub waiting: Gauge,
    /// Prompt tokens computed.
    pub prompt_tokens: Counter,
    /// Tokens generated.
    pub generation_tokens: Counter,
    /// Finished samples by reason.
    pub finished: Family<Reason, Counter>,
    /// From arrival to the first token, seconds.
    pub first_token: Histogram,
    /// From arrival to the last token, seconds.
    pub latency: Histogram,
    adapters: Mutex<BTreeMap<AdapterId, Load>>,
    adapter_info: Family<AdapterInfo, Gauge>,
}

/// Label of finished samples.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// `stop`, `length` or `abort`.
    pub finished_reason: &'static str,
}

/// Labels of `vllm:lora_requests_info`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AdapterInfo {
    max_lora: String,
    running_lora_adapters: String,
    waiting_lora_adapters: String,
}

/// Requests of one adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    waiting: usize,
    running: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            running: Gauge::default(),
            waiting: Gauge::default(),
            prompt_tokens: Counter::default(),
            generation_tokens: Counter::default(),
            finished: Family::default(),
            first_token: Histogram::new(LATENCIES),
            latency: Histogram::new(LATENCIES),
            adapters: Mutex::default(),
            adapter_info: Family::default(),
        }
    }
}

impl Metrics {
    /// A registry that shows these metrics with the label `model_name`.
    pub fn registry(&self, model: &str) -> Registry {
        let mut root = Registry::default();
        let registry = root.sub_registry_with_label(("model_name".into(), model.to_owned().into()));
        registry.register("vllm:num_requests_running", "Sequences being computed", self.running.clone());
        registry.register("vllm:num_requests_waiting", "Requests in the queue", self.waiting.clone());
        registry.register("vllm:prompt_tokens", "Prompt tokens computed", self.prompt_tokens.clone());
        registry.register("vllm:generation_tokens", "Tokens generated", self.generation_tokens.clone());
        registry.register("vllm:request_success", "Finished samples by reason", self.finished.clone());
        let first_token = "Seconds from arrival to the first token";
        registry.register("vllm:time_to_first_token_seconds", first_token, self.first_token.clone());
        let latency = "Seconds from arrival to the last token";
        registry.register("vllm:e2e_request_latency_seconds", latency, self.latency.clone());
        registry.register("vllm:lora_requests_info", "Adapters with requests", self.adapter_info.clone());
        root
    }

    /// Counts a finished sample; `None` is one whose client hung up.
    pub fn count_finished(&self, reason: Option<FinishReason>) {
        let finished_reason = match reason {
            Some(FinishReason::Stop) => "stop",
            Some(FinishReason::Length) => "length",
            None => "abort",
        };
        self.finished.get_or_create(&Reason { finished_reason }).inc();
    }

    /// A request entered the queue (`waiting` +1), started (−1, `running` +1) or ended (`running` −1).
    pub fn count_request(&self, adapter: Option<AdapterId>, waiting: isize, running: isize) {
        self.waiting.inc_by(waiting as i64);
        if let Some(adapter) = adapter {
            let mut adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
            let load = adapters.entry(adapter).or_default();
            load.waiting = load.waiting.saturating_add_signed(waiting);
            load.running = load.running.saturating_add_signed(running);
            if *load == Load::default() {
                adapters.remove(&adapter);
            }
        }
    }

    /// Brings `vllm:lora_requests_info` up to date; `name` knows the names of adapters.
    pub fn refresh_adapters(&self, max_adapters: usize, name: impl Fn(AdapterId) -> Option<String>) {
        let adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        let names = |wanted: fn(&Load) -> bool| {
            let chosen = adapters.iter().filter(|(_, load)| wanted(load));
            chosen.filter_map(|(id, _)| name(*id)).collect::<Vec<_>>().join(",")
        };
        let info = AdapterInfo {
            max_lora: max_adapters.to_string(),
            running_lora_adapters: names(|load| load.running > 0),
            waiting_lora_adapters: names(|load| load.waiting > 0),
        };
        drop(adapters);
        self.adapter_info.clear();
        self.adapter_info.get_or_create(&info).set(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_carry_vllms_names_and_the_model() {
        let metrics = Metrics::default();
        let registry = metrics.registry("seedling");
        metrics.generation_tokens.inc_by(3);
        metrics.count_finished(Some(FinishReason::Stop));
        metrics.count_request(Some(4), 1, 0);
        metrics.count_request(Some(5), 1, 0);
        metrics.count_request(Some(5), -1, 1);
        metrics.refresh_adapters(8, |id| Some(format!("coder-{id}")));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "vllm:generation_tokens_total{model_name=\"seedling\"} 3",
            "vllm:request_success_total{model_name=\"seedling\",finished_reason=\"stop\"} 1",
            "vllm:num_requests_waiting{model_name=\"seedling\"} 1",
            "running_lora_adapters=\"coder-5\",waiting_lora_adapters=\"coder-4\"",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
