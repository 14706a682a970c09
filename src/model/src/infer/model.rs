//! The base model that a server serves.

use std::sync::Arc;

use super::http::template::ChatTemplate;
use super::vocabulary::Vocabulary;
use crate::config::ModelConfig;
use crate::tokenizer::Tokenizer;

/// What the HTTP layer knows about the base model.
pub struct ServedModel {
    /// Name in requests.
    pub name: String,
    /// Where it came from.
    pub uri: String,
    /// Unix time at which it was loaded, seconds.
    pub created: i64,
    /// Tokens of prompt and answer together.
    pub max_model_len: usize,
    /// Shapes.
    pub config: ModelConfig,
    /// Text to tokens.
    pub tokenizer: Tokenizer,
    /// Tokens to text.
    pub vocabulary: Arc<Vocabulary>,
    /// How a conversation becomes a prompt.
    pub template: ChatTemplate,
}

impl ServedModel {
    /// Describes a loaded model; `max_model_len` is cut to what the model was made for.
    pub fn new(
        (name, uri): (String, String),
        (config, tokenizer): (ModelConfig, Tokenizer),
        max_model_len: usize,
        created: i64,
    ) -> Self {
        let vocabulary = Arc::new(Vocabulary::new(&tokenizer, config.vocab_size));
        let template = ChatTemplate::of(&tokenizer);
        let max_model_len = max_model_len.min(config.max_positions);
        Self { name, uri, created, max_model_len, config, tokenizer, vocabulary, template }
    }
}
