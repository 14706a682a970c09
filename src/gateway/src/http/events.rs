//! `GET /api/v1/genesis/events`: what happens, as it is committed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event as Sent, KeepAlive};
use futures::{Stream, StreamExt as _, stream};
use genesis_ledger::types::event::Event;
use genesis_ledger::{Ledger, LedgerError, Scope};
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::IntoParams;

use super::error::{ApiError, ErrorBody};
use super::generate::header;
use super::json::ApiQuery;
use crate::app::{App, scope};

/// Events read from the ledger at once.
const STEP: u32 = 256;

/// From where on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// The GenesisModel as `namespace/name`; the only one where absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Sequence number of the last event that was seen; only new ones where absent.
    #[serde(default)]
    pub since: Option<u64>,
}

/// Everything that happens to a model, as server-sent events
///
/// What all models of its namespace share, as the relations of patterns, is told with it.
/// `id` is the sequence number in the ledger: a client that reconnects with Last-Event-ID misses nothing.
#[utoipa::path(
    get,
    path = "/api/v1/genesis/events",
    tag = "genesis",
    params(EventsQuery, ("Last-Event-ID" = Option<u64>, Header, description = "As `since`")),
    responses(
        (status = 200, description = "One event for each thing that happened", content_type = "text/event-stream", body = String),
        (status = 503, description = "There is no model yet", body = ErrorBody),
    )
)]
pub async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, ApiError> {
    let scope = scope(&app.resolve(query.model.as_deref())?.key);
    let committed = app.pipeline.ledger.committed();
    let newest = *committed.borrow();
    let seen = header(&headers, "last-event-id").and_then(|id| id.parse().ok()).or(query.since).unwrap_or(newest);
    let reader =
        Reader { ledger: app.pipeline.ledger.clone(), committed, scope, position: seen, read: VecDeque::new() };
    let events = stream::unfold(reader, |mut reader| async move { reader.next().await.map(|event| (event, reader)) });
    let sent = events.map(|event| Ok(sent(&event))).take_until(app.shutdown.clone().cancelled_owned());
    Ok(Sse::new(sent).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Reads what the outbox holds of one model and waits at its end.
struct Reader {
    ledger: Ledger,
    committed: watch::Receiver<u64>,
    scope: Scope,
    position: u64,
    read: VecDeque<Event>,
}

impl Reader {
    /// The next event; `None` when the ledger is closed or cannot be read: the client reconnects and asks again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.position = event.sequence;
                if event.body.model().is_none_or(|model| model == self.scope.model) {
                    return Some(event);
                }
                continue;
            }
            self.committed.mark_unchanged();
            match self.more().await {
                Ok(true) => {}
                Ok(false) => self.committed.changed().await.ok()?,
                Err(error) => {
                    tracing::warn!(%error, "An event stream ended.");
                    return None;
                }
            }
        }
    }

    async fn more(&mut self) -> Result<bool, LedgerError> {
        self.read = self.ledger.events_of(&self.scope.tenant, self.position, STEP).await?.into();
        Ok(!self.read.is_empty())
    }
}

fn sent(event: &Event) -> Sent {
    let body = serde_json::to_value(event).unwrap_or_default();
    let kind = body.get("type").and_then(serde_json::Value::as_str).unwrap_or("event");
    Sent::default().id(event.sequence.to_string()).event(kind).data(body.to_string())
}
