//! `/`: how the loop stands, on one page that renews itself and needs nothing from elsewhere.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use genesis_ledger::Scope;

use super::docs::{escape, frame, html};
use super::error::ApiError;
use super::improvement::{ImprovementStatus, status_of};
use super::knowledge::Learning;
use crate::app::{App, scope};
use crate::routing::ModelRoute;

/// Learnings shown for each model.
const LEARNINGS: u32 = 8;

/// Seconds until the page renews itself.
const REFRESH: &str = "<meta http-equiv=\"refresh\" content=\"3\">";

/// The status page.
pub async fn page(State(app): State<App>) -> Response {
    match content(&app).await {
        Ok(content) => html(frame("Genesis", REFRESH, &content)),
        Err(error) => {
            let message = format!("<h1>Status</h1><p>{}: {}</p>", escape(&error.message), escape(&error.hint));
            (StatusCode::SERVICE_UNAVAILABLE, html(frame("Genesis", REFRESH, &message))).into_response()
        }
    }
}

async fn content(app: &App) -> Result<String, ApiError> {
    let table = app.table();
    let mut content = String::new();
    for route in table.routes() {
        let status = status_of(app, route).await?;
        let Scope { tenant, model } = &scope(&route.key);
        let numbers = app.pipeline.ledger.feedback_statistics(&scope(&route.key)).await?;
        let learnings = app.pipeline.ledger.recent_learnings(tenant, Some(model), LEARNINGS).await?;
        content.push_str(&heading(&status));
        content.push_str(&cards(&[
            ("generations", numbers.generations.to_string()),
            ("success rate", percent(numbers.success_rate)),
            ("quality, newest", percent(numbers.recent_quality_average)),
            ("learnings, new", format!("{} ({})", status.learnings_count, status.new_learnings)),
            ("verified rows", status.verified_rows.to_string()),
            ("patterns", numbers.patterns.to_string()),
            ("programs executed", numbers.executions.to_string()),
            ("training runs", numbers.datasets.to_string()),
        ]));
        content.push_str(&champion(route, &status));
        content.push_str(&list(learnings.into_iter().map(Learning::from)));
    }
    if content.is_empty() {
        content.push_str(
            "<h1>Status</h1><p>There is no GenesisModel yet. Apply <code>manifests/samples/seedling.yaml</code>.</p>",
        );
    }
    Ok(content)
}

fn heading(status: &ImprovementStatus) -> String {
    let active = [&status.active.training_run, &status.active.evaluation, &status.active.rollout];
    let active: Vec<&str> = active.into_iter().flatten().map(String::as_str).collect();
    format!(
        "<h1>{} <small>{}</small></h1><p>{} <code>{}</code></p>",
        escape(&status.model),
        escape(&status.state),
        escape(&status.message),
        escape(&active.join(" ")),
    )
}

fn cards(numbers: &[(&str, String)]) -> String {
    let cards: String = numbers
        .iter()
        .map(|(name, value)| format!("<div>{name}<br><span class=\"number\">{}</span></div>", escape(value)))
        .collect();
    format!("<div class=\"cards\">{cards}</div>")
}

fn champion(route: &ModelRoute, status: &ImprovementStatus) -> String {
    let info = &status.model_info;
    let canary = info.canary.as_deref().map_or_else(String::new, |canary| {
        format!(
            "<p>Canary <code>{}</code> takes {} %</p><div class=\"bar\"><i style=\"width:{}%\"></i></div>",
            escape(canary),
            info.canary_weight,
            info.canary_weight,
        )
    });
    format!(
        "<h2>Champion</h2><p><code>{}</code> over base <code>{}</code>, {} inference and {} sandbox pods ready</p>{canary}",
        escape(&info.champion),
        escape(&route.base),
        info.ready_replicas,
        info.ready_sandboxes,
    )
}

fn list(learnings: impl Iterator<Item = Learning>) -> String {
    let mut rows = String::new();
    for learning in learnings {
        // Writing to a String cannot fail.
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            learning.sequence,
            escape(&learning.kind),
            escape(&learning.detail),
            escape(&learning.served_name),
            escape(&learning.at),
        );
    }
    if rows.is_empty() {
        return "<h2>Recent learnings</h2><p>None yet.</p>".to_owned();
    }
    format!(
        "<h2>Recent learnings</h2><table><tr><th>#</th><th>kind</th><th>what</th><th>model</th><th>when</th></tr>{rows}</table>"
    )
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}
