//! `/v1/models`: the base model and its adapters.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use genesis_core::Digest;
use serde::Serialize;

use super::App;
use super::error::ApiError;
use crate::infer::engine::AdapterId;

/// The list in OpenAI's shape.
#[derive(Serialize)]
pub(super) struct ModelList {
    object: &'static str,
    data: Vec<ModelCard>,
}

/// One entry; `digest` is set for adapters.
#[derive(Serialize)]
struct ModelCard {
    id: String,
    object: &'static str,
    created: i64,
    owned_by: &'static str,
    root: String,
    parent: Option<String>,
    max_model_len: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<ModelList> {
    let card = |id: String, root: String, parent, digest| ModelCard {
        id,
        object: "model",
        created: app.model.created,
        owned_by: "genesis",
        root,
        parent,
        max_model_len: app.model.max_model_len,
        digest,
    };
    let base = card(app.model.name.clone(), app.model.uri.clone(), None, None);
    let adapters = app.adapters.list().into_iter().map(|(name, adapter)| {
        let root = adapter.directory.display().to_string();
        card(name, root, Some(app.model.name.clone()), Some(adapter.digest))
    });
    Json(ModelList { object: "list", data: std::iter::once(base).chain(adapters).collect() })
}

/// The adapter for a request's `model`: `None` is the base, which is also meant where nothing is named.
pub(super) fn resolve(app: &App, model: Option<&str>) -> Result<Option<AdapterId>, ApiError> {
    match model {
        None => Ok(None),
        Some(name) if name == app.model.name => Ok(None),
        Some(name) => match app.adapters.get(name) {
            Some(adapter) => Ok(Some(adapter.id)),
            None => Err(ApiError {
                status: StatusCode::NOT_FOUND,
                message: format!("The model `{name}` does not exist: GET /v1/models lists what is served."),
                param: Some("model"),
            }),
        },
    }
}
