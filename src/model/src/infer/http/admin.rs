//! vLLM's calls that load and unload adapters, with its answers; `digest` is an addition.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use genesis_core::Digest;
use serde::Deserialize;

use super::App;
use super::error::{ApiError, Body};
use crate::infer::adapters::LoadRequest;
use crate::infer::engine::EngineError;

#[derive(Deserialize)]
pub(super) struct Load {
    #[serde(default)]
    lora_name: String,
    #[serde(default)]
    lora_path: String,
    #[serde(default)]
    load_inplace: bool,
    /// Refuse a directory with another digest.
    digest: Option<Digest>,
}

#[derive(Deserialize)]
pub(super) struct Unload {
    #[serde(default)]
    lora_name: String,
}

pub(super) async fn load(State(app): State<Arc<App>>, body: Body<Load>) -> Result<String, ApiError> {
    let Json(Load { lora_name: name, lora_path: path, load_inplace: in_place, digest }) = body?;
    if name.is_empty() || path.is_empty() {
        return Err(ApiError::invalid("lora_name", "Both 'lora_name' and 'lora_path' must be provided."));
    }
    let answer = format!("Success: LoRA adapter '{name}' added successfully.");
    // A task of its own ends even if the client hangs up.
    let loading = async move { app.adapters.load(LoadRequest { name, path, in_place, digest }).await };
    tokio::spawn(loading).await.map_err(|error| EngineError::Failed(error.to_string()))??;
    Ok(answer)
}

pub(super) async fn unload(State(app): State<Arc<App>>, body: Body<Unload>) -> Result<String, ApiError> {
    let Json(Unload { lora_name: name }) = body?;
    if name.is_empty() {
        return Err(ApiError::invalid("lora_name", "'lora_name' needs to be provided to unload a LoRA adapter."));
    }
    app.adapters.unload(&name).await?;
    Ok(format!("Success: LoRA adapter '{name}' removed successfully."))
}
