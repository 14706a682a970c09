//! Sampling parameters that completions and chat share, and their bounds.

use rand::Rng as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::infer::sampling::Sampling;

/// Most alternatives that are returned with a token.
const MAX_ALTERNATIVES: usize = 20;
/// Most stop strings.
const MAX_STOPS: usize = 16;

/// Fields by OpenAI's names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    pub model: Option<String>,
    pub n: Option<usize>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub seed: Option<Seed>,
    pub stop: Option<OneOrMany>,
    pub stream: bool,
    pub stream_options: Option<StreamOptions>,
    /// vLLM's: go on after the end token, for measurements.
    pub ignore_eos: bool,
    /// Everything else, to refuse by name what would be ignored.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StreamOptions {
    pub include_usage: bool,
}

/// Random numbers are drawn from the seed's bits, so a negative one is as good as any.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Seed {
    Unsigned(u64),
    Signed(i64),
}

impl Seed {
    fn bits(self) -> u64 {
        match self {
            Self::Unsigned(seed) => seed,
            Self::Signed(seed) => seed.cast_unsigned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Fields that would change the answer if they were supported.
const UNSUPPORTED: [&str; 8] = [
    "suffix",
    "best_of",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "tools",
    "response_format",
    "prompt_logprobs",
];

impl Parameters {
    /// Number of samples of each prompt, at most `limit`.
    pub fn samples(&self, limit: usize) -> Result<usize, ApiError> {
        let n = self.n.unwrap_or(1);
        if (1..=limit).contains(&n) {
            Ok(n)
        } else {
            Err(ApiError::invalid("n", format!("n must be from 1 to {limit}, got {n}.")))
        }
    }

    /// Checks bounds; `scores` are the alternatives to return, `None` for no log-probabilities.
    pub fn sampling(&self, max_tokens: usize, scores: Option<usize>) -> Result<Sampling, ApiError> {
        for name in UNSUPPORTED {
            if self.other.get(name).is_some_and(|value| !is_nothing(value)) {
                return Err(ApiError::invalid(name, format!("{name} is not supported by this server.")));
            }
        }
        let temperature = self.temperature.unwrap_or(1.0);
        if !(0.0..=2.0).contains(&temperature) {
            let message = format!("temperature must be from 0 (greedy) to 2, got {temperature}.");
            return Err(ApiError::invalid("temperature", message));
        }
        let top_p = self.top_p.unwrap_or(1.0);
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(ApiError::invalid("top_p", format!("top_p must be above 0 and at most 1, got {top_p}.")));
        }
        if scores.is_some_and(|scores| scores > MAX_ALTERNATIVES) {
            let message = format!("at most {MAX_ALTERNATIVES} alternatives are returned for a token.");
            return Err(ApiError::invalid("logprobs", message));
        }
        let seed = self.seed.map_or_else(|| rand::rng().random(), Seed::bits);
        Ok(Sampling { temperature, top_p, seed, max_tokens, stop: self.stops()?, ignore_eos: self.ignore_eos, scores })
    }

    fn stops(&self) -> Result<Vec<String>, ApiError> {
        let stop = match &self.stop {
            None => Vec::new(),
            Some(OneOrMany::One(stop)) => vec![stop.clone()],
            Some(OneOrMany::Many(stops)) => stops.clone(),
        };
        if stop.iter().any(String::is_empty) {
            return Err(ApiError::invalid("stop", "stop cannot contain an empty string."));
        }
        if stop.len() > MAX_STOPS {
            let message = format!("at most {MAX_STOPS} stop strings are supported, got {}.", stop.len());
            return Err(ApiError::invalid("stop", message));
        }
        Ok(stop)
    }
}

/// Null, zero, false, or empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_f64() == Some(0.0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sampling(fields: Value) -> Result<Sampling, ApiError> {
        serde_json::from_value::<Parameters>(fields).unwrap().sampling(16, None)
    }

    #[test]
    fn defaults_are_openais() {
        let sampling = sampling(json!({})).unwrap();
        assert_eq!((sampling.temperature, sampling.top_p, sampling.stop.len()), (1.0, 1.0, 0));
    }

    #[test]
    fn a_seed_is_kept_and_none_is_random() {
        for seed in [7, u64::MAX] {
            assert_eq!(sampling(json!({ "seed": seed })).unwrap().seed, seed);
        }
        assert_eq!(sampling(json!({ "seed": -1 })).unwrap().seed, u64::MAX);
        assert_ne!(sampling(json!({})).unwrap().seed, sampling(json!({})).unwrap().seed);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_its_name() {
        for (fields, param) in [
            (json!({ "temperature": -0.1 }), "temperature"),
            (json!({ "temperature": 2.1 }), "temperature"),
            (json!({ "top_p": 0.0 }), "top_p"),
            (json!({ "top_p": 1.5 }), "top_p"),
            (json!({ "stop": [""] }), "stop"),
            (json!({ "stop": vec!["x"; 17] }), "stop"),
            (json!({ "logit_bias": { "5": 1 } }), "logit_bias"),
            (json!({ "frequency_penalty": 0.5 }), "frequency_penalty"),
        ] {
            let error = sampling(fields).unwrap_err();
            assert_eq!(error.param, Some(param));
            assert!(error.message.contains(param), "{}", error.message);
        }
        assert!(sampling(json!({ "frequency_penalty": 0, "user": "someone", "tools": [] })).is_ok());
    }
}
