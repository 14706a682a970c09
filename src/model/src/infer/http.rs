//! The HTTP protocol: OpenAI's for everyone, vLLM's adapter calls for the operator.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use prometheus_client::registry::Registry;
use rand::Rng as _;
use serde_json::{Value, json};

use super::adapters::Adapters;
use super::engine::Engine;
use super::model::ServedModel;

mod admin;
mod chat;
mod completions;
mod error;
mod generation;
mod health;
mod logprobs;
mod models;
mod parameters;
mod prompt;
mod stream;
pub mod template;

#[cfg(test)]
mod tests;

/// Largest request body, bytes. A longer one is refused before it is read.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// What every handler sees.
pub struct App {
    /// The base model.
    pub model: ServedModel,
    /// Its adapters.
    pub adapters: Adapters,
    /// What computes the answers.
    pub engine: Engine,
    registry: Registry,
}

impl App {
    /// Puts the parts together.
    pub fn new(model: ServedModel, adapters: Adapters, engine: Engine) -> Self {
        let registry = engine.metrics().registry(&model.name);
        Self { model, adapters, engine, registry }
    }
}

/// What an answer and all its chunks have in common.
struct Header {
    id: String,
    created: i64,
    model: String,
}

impl Header {
    /// A fresh id that begins with `prefix`; `model` is named as the request named it.
    fn new(prefix: &str, model: Option<&str>, app: &App) -> Self {
        let id = format!("{prefix}-{:032x}", rand::rng().random::<u128>());
        let created = jiff::Timestamp::now().as_second();
        Self { id, created, model: model.unwrap_or(&app.model.name).to_owned() }
    }

    fn object(&self, object: &str, choices: Vec<Value>, usage: Option<generation::Usage>) -> Value {
        let Self { id, created, model } = self;
        json!({ "id": id, "object": object, "created": created, "model": model, "choices": choices, "usage": usage })
    }
}

/// Routes of the public port.
pub fn public(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/completions", post(completions::create))
        .route("/v1/chat/completions", post(chat::create))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(error::no_such_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// Routes of the port that is for the operator only: who reaches it decides what the model says.
pub fn admin(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/load_lora_adapter", post(admin::load))
        .route("/v1/unload_lora_adapter", post(admin::unload))
        .route("/healthz", get(health::alive))
        .fallback(error::no_such_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}
