//! Faults in a watch stream.

use std::{collections::VecDeque, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use serde_json::{Value, json};

use super::{
    layer::Faults,
    plan::{Seen, WatchFault},
    trace::TracedEvent,
};
use crate::cluster::meta;

/// A merged event waits this long for the next one of its object.
const MERGE_WINDOW: Duration = Duration::from_millis(100);

struct Disturbed {
    body: axum::body::BodyDataStream,
    partial: Vec<u8>,
    ready: VecDeque<Bytes>,
    held: Option<Value>,
    watch: Seen,
    faults: Faults,
    ended: bool,
}

/// The lines of a watch as the plan lets them through.
pub fn disturb(body: Body, watch: Seen, faults: Faults) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send {
    let state = Disturbed {
        body: body.into_data_stream(),
        partial: Vec::new(),
        ready: VecDeque::new(),
        held: None,
        watch,
        faults,
        ended: false,
    };
    futures::stream::unfold(state, |mut state| async move {
        let line = state.next().await?;
        Some((line, state))
    })
}

impl Disturbed {
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        loop {
            if self.faults.has_crashed() {
                std::future::pending::<()>().await;
            }
            if let Some(line) = self.ready.pop_front() {
                return Some(Ok(line));
            }
            if self.ended {
                return None;
            }
            let chunk = if self.held.is_some() {
                let Ok(chunk) = tokio::time::timeout(MERGE_WINDOW, self.body.next()).await else {
                    self.release();
                    continue;
                };
                chunk
            } else {
                self.body.next().await
            };
            match chunk {
                Some(Ok(bytes)) => self.take(&bytes),
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.release();
                    self.ended = true;
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            match serde_json::from_slice::<Value>(&line) {
                Ok(event) if !self.ended => self.judge(event),
                _ => {}
            }
        }
    }

    fn judge(&mut self, event: Value) {
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        if !matches!(kind.as_str(), "ADDED" | "MODIFIED" | "DELETED") {
            self.ready.push_back(line(&event));
            return;
        }
        let object = &event["object"];
        let seen = Seen {
            namespace: meta::namespace(object).to_owned(),
            name: meta::name(object).to_owned(),
            ..self.watch.clone()
        };
        let fault = self.faults.plan().on_event(&seen);
        self.faults.record().events.push(TracedEvent {
            seen,
            kind,
            resource_version: meta::resource_version(object).to_owned(),
            fault,
        });
        let event = self.merge_held(event);
        match fault {
            None => self.ready.extend(event.as_ref().map(line)),
            Some(WatchFault::Duplicate) => {
                self.ready.extend(event.iter().map(line));
                self.ready.extend(event.iter().map(line));
            }
            Some(WatchFault::Drop) => {}
            Some(WatchFault::Merge) => self.held = event,
            Some(WatchFault::Disconnect) => self.ended = true,
            Some(WatchFault::Crash) => self.faults.crash(),
            Some(WatchFault::Gone) => {
                let status = json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Expired",
                    "message": "too old resource version", "code": 410,
                });
                self.ready.push_back(line(&json!({ "type": "ERROR", "object": status })));
                self.ended = true;
            }
        }
    }

    /// Merges `event` with a held one of the same object; `None` if the two cancel out.
    fn merge_held(&mut self, mut event: Value) -> Option<Value> {
        let same = |held: &Value| meta::uid(&held["object"]) == meta::uid(&event["object"]);
        match self.held.take() {
            Some(held) if same(&held) => {
                if held["type"] == "ADDED" && event["type"] == "DELETED" {
                    return None;
                }
                if held["type"] == "ADDED" {
                    event["type"] = json!("ADDED");
                }
            }
            Some(held) => self.ready.push_back(line(&held)),
            None => {}
        }
        Some(event)
    }

    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            self.ready.push_back(line(&held));
        }
    }
}

fn line(event: &Value) -> Bytes {
    let mut text = event.to_string().into_bytes();
    text.push(b'\n');
    text.into()
}
