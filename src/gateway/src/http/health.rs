//! `/healthz` and `/readyz`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;

/// Whether requests can be answered, and if not, what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Requests can be answered.
    pub ready: bool,
    /// What is waited for, for people.
    #[schema(example = json!(["a ready inference pod of default/seedling"]))]
    pub waiting_for: Vec<String>,
}

/// The process runs
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "ok", body = String)))]
pub async fn healthz() -> &'static str {
    "ok"
}

/// Requests can be answered
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready; names what is waited for", body = Readiness),
    )
)]
pub async fn readyz(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let waiting_for = waiting_for(&app);
    let ready = waiting_for.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, waiting_for }))
}

fn waiting_for(app: &App) -> Vec<String> {
    let unsynced = app.routes.unsynced.names();
    if !unsynced.is_empty() {
        return unsynced.into_iter().map(|kind| format!("the first list of {kind} from the Kubernetes API")).collect();
    }
    let table = app.table();
    let mut missing = Vec::new();
    if table.routes().next().is_none() {
        missing.push("a GenesisModel".to_owned());
    }
    for route in table.routes() {
        if route.serving.is_empty() {
            missing.push(format!("a ready inference pod of {}", route.key));
        }
        if route.sandboxes.is_empty() {
            missing.push(format!("a ready sandbox pod of {}", route.key));
        }
    }
    missing
}
