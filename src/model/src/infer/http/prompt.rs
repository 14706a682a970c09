//! Prompts: text or tokens, one or many, checked against the model's length before they are computed.

use serde::Deserialize;

use super::error::ApiError;
use crate::infer::model::ServedModel;

/// OpenAI's four forms of `prompt`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Prompts {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

/// One prompt, with its text for `echo`.
#[derive(Clone, Debug)]
pub(super) struct Prompt {
    pub text: String,
    pub tokens: Vec<u32>,
}

impl Prompts {
    /// Refuses no prompt, and more than `limit`, which would never be taken together.
    pub fn check_count(&self, limit: usize) -> Result<(), ApiError> {
        let count = match self {
            Self::Text(_) | Self::Tokens(_) => 1,
            Self::Texts(texts) => texts.len(),
            Self::TokenLists(lists) => lists.len(),
        };
        if count == 0 {
            return Err(ApiError::invalid("prompt", "prompt must hold at least one prompt."));
        }
        if count > limit {
            let message = format!(
                "the request has {count} prompts, and this server's queue holds {limit}: send them in several requests."
            );
            return Err(ApiError::invalid("prompt", message));
        }
        Ok(())
    }

    /// The prompts, each short enough for `max_tokens` more. Takes long for long texts: not for an async task.
    pub fn into_list(self, model: &ServedModel, max_tokens: usize) -> Result<Vec<Prompt>, ApiError> {
        let text = |text| from_text(text, model, max_tokens);
        let tokens = |tokens| from_tokens(tokens, model, max_tokens);
        match self {
            Self::Text(one) => Ok(vec![text(one)?]),
            Self::Texts(texts) => texts.into_iter().map(text).collect(),
            Self::Tokens(one) => Ok(vec![tokens(one)?]),
            Self::TokenLists(lists) => lists.into_iter().map(tokens).collect(),
        }
    }
}

/// Refuses what cannot be computed, with the numbers that say why.
pub(super) fn check_length(tokens: usize, max_tokens: usize, model: &ServedModel) -> Result<(), ApiError> {
    let limit = model.max_model_len;
    if tokens == 0 {
        return Err(ApiError::invalid("prompt", "the prompt is empty: this model needs at least one token."));
    }
    if tokens > limit {
        let message = format!(
            "This model's maximum context length is {limit} tokens. However, your prompt has {tokens}: shorten it."
        );
        return Err(ApiError::invalid("prompt", message));
    }
    // Not `tokens + max_tokens`: max_tokens is the client's, and the sum may wrap.
    if max_tokens > limit - tokens {
        let message = format!(
            "This model's maximum context length is {limit} tokens. However, your prompt has {tokens} and max_tokens is {max_tokens}: shorten the prompt, or ask for at most {} tokens.",
            limit - tokens
        );
        return Err(ApiError::invalid("max_tokens", message));
    }
    Ok(())
}

/// Refuses a text that is too long whatever its tokens are, before a tokenizer is let loose on it.
pub(super) fn check_bytes(text: &str, model: &ServedModel) -> Result<(), ApiError> {
    let limit = model.max_model_len;
    if text.len() > limit.saturating_mul(model.vocabulary.longest().max(1)) {
        let message = format!(
            "This model's maximum context length is {limit} tokens. However, your prompt has {} bytes, which are more than that in any case.",
            text.len()
        );
        return Err(ApiError::invalid("prompt", message));
    }
    Ok(())
}

fn from_text(text: String, model: &ServedModel, max_tokens: usize) -> Result<Prompt, ApiError> {
    check_bytes(&text, model)?;
    let tokens = model.tokenizer.encode(&text).map_err(|error| ApiError::invalid("prompt", error.to_string()))?;
    check_length(tokens.len(), max_tokens, model)?;
    Ok(Prompt { text, tokens })
}

fn from_tokens(tokens: Vec<u32>, model: &ServedModel, max_tokens: usize) -> Result<Prompt, ApiError> {
    check_length(tokens.len(), max_tokens, model)?;
    let vocabulary = model.vocabulary.len();
    if let Some(token) = tokens.iter().find(|token| **token as usize >= vocabulary) {
        let message = format!("token {token} is out of vocabulary: tokens are below {vocabulary}.");
        return Err(ApiError::invalid("prompt", message));
    }
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| model.vocabulary.bytes(*token)).copied().collect();
    Ok(Prompt { text: String::from_utf8_lossy(&bytes).into_owned(), tokens })
}
