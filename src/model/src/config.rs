//! Shape of a decoder, as Hugging Face's `config.json` writes it.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

/// Name of the file in a model directory.
pub const CONFIG_FILE: &str = "config.json";

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or not readable.
    #[error("cannot read {path}: {source}. A base model is a directory in Hugging Face's layout")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is not JSON, or a field is missing or of another type.
    #[error("{path} is not a decoder's configuration: {source}")]
    Malformed {
        /// Which file.
        path: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Another architecture.
    #[error("architecture {0:?} is not supported: use a dense model of the Qwen3 family (model_type \"qwen3\")")]
    Architecture(String),
    /// A shape that no decoder can have.
    #[error("the configuration contradicts itself: {0}")]
    Inconsistent(String),
}

/// Shape and constants of a dense Qwen3 decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward network.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of one head; `heads * head_dim` may differ from `hidden_size`.
    pub head_dim: usize,
    /// ε of every RMSNorm.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// The output projection is the embedding.
    pub tied: bool,
    /// Longest sequence, tokens.
    pub max_positions: usize,
    /// Token before a text, where the model has one.
    pub bos: Option<u32>,
    /// Tokens that end an answer; the first is the one to train with.
    pub eos: Vec<u32>,
    /// Token that fills a batch, where the model has one.
    pub pad: Option<u32>,
}

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    #[serde(default = "default_eps")]
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_parameters: Option<RawRope>,
    rope_scaling: Option<Value>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default = "default_positions")]
    max_position_embeddings: usize,
    bos_token_id: Option<u32>,
    eos_token_id: Option<OneOrMany>,
    pad_token_id: Option<u32>,
}

#[derive(Deserialize)]
struct RawRope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

fn default_eps() -> f64 {
    1e-6
}

fn default_positions() -> usize {
    32_768
}

impl ModelConfig {
    /// Reads `config.json` of a model directory.
    pub fn load(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join(CONFIG_FILE);
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(&path).map_err(|source| ConfigError::Unreadable { path: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    /// Reads the text of a `config.json`; `name` is used in messages only.
    ///
    /// `rope_parameters` (transformers 5) is preferred to the older `rope_theta`.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        let raw: Raw =
            serde_json::from_str(text).map_err(|source| ConfigError::Malformed { path: name.to_owned(), source })?;
        if raw.model_type != "qwen3" {
            return Err(ConfigError::Architecture(raw.model_type));
        }
        let scaled = raw.rope_parameters.as_ref().and_then(|rope| rope.rope_type.as_deref()).unwrap_or("default")
            != "default"
            || raw.rope_scaling.as_ref().is_some_and(|scaling| !scaling.is_null());
        for (used, what) in [
            (raw.attention_bias, "attention_bias"),
            (raw.use_sliding_window, "use_sliding_window"),
            (scaled, "rope scaling"),
        ] {
            if used {
                return Err(ConfigError::Inconsistent(format!(
                    "{what} is set, which a dense Qwen3 decoder does without"
                )));
            }
        }
        let heads = raw.num_attention_heads;
        let config = Self {
            vocab_size: raw.vocab_size,
            hidden_size: raw.hidden_size,
            intermediate_size: raw.intermediate_size,
            layers: raw.num_hidden_layers,
            heads,
            kv_heads: raw.num_key_value_heads.unwrap_or(heads),
            head_dim: raw.head_dim.unwrap_or(raw.hidden_size / heads.max(1)),
            rms_norm_eps: raw.rms_norm_eps,
            rope_theta: raw.rope_parameters.and_then(|rope| rope.rope_theta).or(raw.rope_theta).unwrap_or(10_000.0),
            tied: raw.tie_word_embeddings,
            max_positions: raw.max_position_embeddings,
            bos: raw.bos_token_id,
            eos: match raw.eos_token_id {
                None => Vec::new(),
                Some(OneOrMany::One(id)) => vec![id],
                Some(OneOrMany::Many(ids)) => ids,
            },
            pad: raw.pad_token_id,
        };
        config.check()?;
        Ok(config)
    }

    /// The decoder that is shipped: small enough to pre-train and to improve on one CPU core.
    pub fn seedling(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            hidden_size: 192,
            intermediate_size: 384,
            layers: 4,
            heads: 6,
            kv_heads: 2,
            head_dim: 32,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            tied: true,
            max_positions: 512,
            bos: Some(1),
            eos: vec![2],
            pad: Some(0),
        }
    }

    /// The text of `config.json`, readable by transformers from 4.51 on.
    pub fn to_json(&self) -> Value {
        json!({
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "attention_bias": false,
            "attention_dropout": 0.0,
            "use_sliding_window": false,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_theta": self.rope_theta,
            "rope_parameters": { "rope_type": "default", "rope_theta": self.rope_theta },
            "tie_word_embeddings": self.tied,
            "max_position_embeddings": self.max_positions,
            "bos_token_id": self.bos,
            "eos_token_id": self.eos.first(),
            "pad_token_id": self.pad,
        })
    }

    /// Number of parameters of the decoder, embedding counted once where it is tied.
    pub fn parameters(&self) -> usize {
        let attention = self.hidden_size * self.head_dim * 2 * (self.heads + self.kv_heads);
        let norms = 2 * self.hidden_size + 2 * self.head_dim;
        let block = attention + 3 * self.hidden_size * self.intermediate_size + norms;
        let embeddings = if self.tied { 1 } else { 2 } * self.vocab_size * self.hidden_size;
        embeddings + self.layers * block + self.hidden_size
    }

    fn check(&self) -> Result<(), ConfigError> {
        let sizes = [
            self.vocab_size,
            self.hidden_size,
            self.intermediate_size,
            self.layers,
            self.heads,
            self.kv_heads,
            self.max_positions,
        ];
        let problem = if sizes.contains(&0) {
            "a size is zero".to_owned()
        } else if !self.heads.is_multiple_of(self.kv_heads) {
            format!("{} query heads cannot share {} key-value heads evenly", self.heads, self.kv_heads)
        } else if self.head_dim == 0 || !self.head_dim.is_multiple_of(2) {
            format!("head_dim is {}, rotary embeddings need an even one", self.head_dim)
        } else {
            return Ok(());
        };
        Err(ConfigError::Inconsistent(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(change: impl FnOnce(&mut Value)) -> Result<ModelConfig, ConfigError> {
        let mut value = ModelConfig::seedling(768).to_json();
        change(&mut value);
        ModelConfig::parse(&value.to_string(), "config.json")
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(parse(|_| ()).unwrap(), ModelConfig::seedling(768));
        assert_eq!(ModelConfig::seedling(768).parameters(), 1_427_392);
    }

    #[test]
    fn both_spellings_of_the_rotary_base_are_read() {
        let old = parse(|v| {
            v.as_object_mut().unwrap().remove("rope_parameters");
            v["rope_theta"] = json!(5e5);
        });
        assert_eq!(old.unwrap().rope_theta, 5e5);
        let new = parse(|v| {
            v.as_object_mut().unwrap().remove("rope_theta");
            v["rope_parameters"] = json!({ "rope_theta": 1e6 });
        });
        assert_eq!(new.unwrap().rope_theta, 1e6);
    }

    #[test]
    fn several_end_tokens_are_read() {
        assert_eq!(parse(|v| v["eos_token_id"] = json!([2, 7])).unwrap().eos, vec![2, 7]);
    }

    #[test]
    fn what_the_decoder_cannot_do_is_refused_by_name() {
        let message = |result: Result<ModelConfig, ConfigError>| result.unwrap_err().to_string();
        assert!(message(parse(|v| v["model_type"] = json!("llama"))).contains("\"llama\""));
        assert!(message(parse(|v| v["num_key_value_heads"] = json!(4))).contains("evenly"));
        assert!(message(parse(|v| v["attention_bias"] = json!(true))).contains("attention_bias"));
        assert!(message(parse(|v| v["rope_scaling"] = json!({ "rope_type": "yarn" }))).contains("rope scaling"));
        assert!(message(parse(|v| v["head_dim"] = json!(31))).contains("even"));
    }
}
