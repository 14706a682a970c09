use genesis_core::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::transport::Transport;

/// An OpenAI-compatible inference server with vLLM's adapter endpoints.
#[derive(Clone, Debug)]
pub struct InferenceClient {
    public: Transport,
    admin: Transport,
}

/// What is asked of `/v1/completions`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CompletionRequest {
    /// Served name: the base's or an adapter's.
    pub model: String,
    /// Start of the text.
    pub prompt: String,
    /// Samples.
    pub n: u32,
    /// Most tokens of a sample.
    pub max_tokens: u32,
    /// 0 is greedy.
    pub temperature: f64,
    /// Nucleus.
    pub top_p: f64,
    /// Seed of the sampling.
    pub seed: u64,
}

/// One sample.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Choice {
    /// Position among the samples.
    #[serde(default)]
    pub index: u32,
    /// The continuation.
    pub text: String,
    /// `stop` or `length`.
    #[serde(default)]
    pub finish_reason: Option<String>,
}

/// One entry of `/v1/models`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServedModel {
    /// Served name.
    pub id: String,
    /// The base's name, for an adapter.
    #[serde(default)]
    pub parent: Option<String>,
    /// Digest of the adapter's directory.
    #[serde(default)]
    pub digest: Option<Digest>,
}

#[derive(Deserialize)]
struct Completions {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Models {
    data: Vec<ServedModel>,
}

#[derive(Deserialize)]
struct Scored {
    choices: Vec<ScoredChoice>,
}

#[derive(Deserialize)]
struct ScoredChoice {
    logprobs: TokenLogprobs,
}

#[derive(Deserialize)]
struct TokenLogprobs {
    token_logprobs: Vec<Option<f64>>,
}

impl InferenceClient {
    /// `public` serves completions, `admin` loads adapters.
    pub fn new(http: reqwest::Client, public: &str, admin: &str) -> Self {
        Self {
            public: Transport::new(http.clone(), "the inference server", public, None),
            admin: Transport::new(http, "the inference server", admin, None),
        }
    }

    /// Samples continuations.
    pub async fn complete(&self, request: &CompletionRequest) -> Result<Vec<Choice>, Error> {
        let Completions { mut choices } = self.public.post("/v1/completions", request).await?;
        choices.sort_by_key(|choice| choice.index);
        Ok(choices)
    }

    /// log p of every token of `text` after the first, nats.
    pub async fn score(&self, model: &str, text: &str) -> Result<Vec<f64>, Error> {
        let body = json!({ "model": model, "prompt": text, "max_tokens": 0, "echo": true, "logprobs": 0 });
        let Scored { choices } = self.public.post("/v1/completions", &body).await?;
        let tokens = choices.into_iter().next().map(|choice| choice.logprobs.token_logprobs).unwrap_or_default();
        Ok(tokens.into_iter().skip(1).map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// The base and the adapters loaded now.
    pub async fn models(&self) -> Result<Vec<ServedModel>, Error> {
        let Models { data } = self.admin.get("/v1/models").await?;
        Ok(data)
    }

    /// Loads an adapter; the server refuses it if the directory is not what the digest says.
    pub async fn load_adapter(&self, name: &str, uri: &str, digest: &Digest) -> Result<(), Error> {
        let body = json!({ "lora_name": name, "lora_path": uri, "digest": digest });
        self.admin.tell("/v1/load_lora_adapter", &body).await
    }

    /// Unloads an adapter; that it is not loaded is no error.
    pub async fn unload_adapter(&self, name: &str) -> Result<(), Error> {
        match self.admin.tell("/v1/unload_lora_adapter", &json!({ "lora_name": name })).await {
            Err(Error::Refused { status: 404, .. }) => Ok(()),
            other => other,
        }
    }
}
