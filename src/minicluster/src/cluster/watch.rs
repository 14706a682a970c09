//! WATCH: a stream of changes read from the log at the pace of the reader.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::Stream;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    error::{ApiError, Cause},
    ops::{
        Call,
        read::{Selection, check_not_future},
    },
    representation::Representation,
    request::{Query, Target},
    resource::ResourceType,
    state::{Change, ChangeKind, State},
    store::Store,
};

/// Bookmarks are sent this often to watches that ask for them.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// Length of a watch whose client gives none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45 * 60);

/// Changes handed over under one lock.
const BATCH: usize = 256;

/// Everything a watch needs after its request is over.
#[derive(Debug)]
struct Watcher {
    store: Arc<Store>,
    resource: Arc<ResourceType>,
    version: String,
    target: Target,
    query: Query,
    selection: Selection,
    representation: Representation,
    cursor: u64,
    queue: VecDeque<Bytes>,
    revisions: watch::Receiver<u64>,
    closing: CancellationToken,
    deadline: Instant,
    next_bookmark: Instant,
    sent_table: bool,
    ended: bool,
}

/// Starts a watch; each item of the stream is one line of the response.
pub fn start(
    store: &Arc<Store>,
    call: &Call<'_>,
    representation: Representation,
    closing: CancellationToken,
) -> Result<impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + use<>, ApiError> {
    let selection = Selection::of(call)?;
    check_initial_events(call)?;
    let from = call.query.version_number()?.filter(|v| *v > 0);
    let timeout = call.query.timeout_seconds.filter(|s| *s > 0).map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let now = Instant::now();
    let mut watcher = Watcher {
        store: store.clone(),
        resource: call.resource.clone(),
        version: call.version.to_owned(),
        target: call.target.clone(),
        query: call.query.clone(),
        selection,
        representation,
        cursor: 0,
        queue: VecDeque::new(),
        revisions: store.revisions(),
        closing,
        deadline: now + timeout,
        next_bookmark: now + BOOKMARK_PERIOD,
        sent_table: false,
        ended: false,
    };
    let with_state = call.query.initial_events || from.is_none();
    store.read(|state| -> Result<(), ApiError> {
        check_not_future(state, from)?;
        if with_state {
            watcher.queue_current(state, call.now);
        } else {
            watcher.cursor = from.unwrap_or_default();
        }
        Ok(())
    })?;
    Ok(futures::stream::unfold(watcher, |mut watcher| async move {
        let line = watcher.next_line().await?;
        Some((Ok(line), watcher))
    }))
}

fn check_initial_events(call: &Call<'_>) -> Result<(), ApiError> {
    if !call.query.initial_events {
        return Ok(());
    }
    let mut causes = Vec::new();
    if call.query.version_match.as_deref() != Some("NotOlderThan") {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        causes.push(Cause::forbidden("resourceVersionMatch", detail));
    }
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(&call.resource, "", &causes)) }
}

impl Watcher {
    /// Queues the selected objects as additions, and the bookmark that ends them if it was asked for.
    fn queue_current(&mut self, state: &State, now: Timestamp) {
        let namespace = self.target.namespace.clone();
        let storage = self.resource.storage.clone();
        for (_, object) in state.of_resource(&storage, namespace.as_deref()) {
            if self.selection.matches(object) {
                self.queue_object("ADDED", object, now);
            }
        }
        self.cursor = state.revision();
        if self.query.initial_events {
            self.queue_bookmark(json!({ "k8s.io/initial-events-end": "true" }));
        }
    }

    async fn next_line(&mut self) -> Option<Bytes> {
        loop {
            // Nothing is shown that a crash could take back.
            if !self.queue.is_empty() {
                self.store.durable(self.cursor).await.ok()?;
                return self.queue.pop_front();
            }
            if self.ended {
                return None;
            }
            let durable = *self.revisions.borrow_and_update();
            if durable == u64::MAX {
                return None;
            }
            if durable > self.cursor {
                self.read_changes(durable);
                continue;
            }
            let wake = if self.query.bookmarks { self.deadline.min(self.next_bookmark) } else { self.deadline };
            tokio::select! {
                changed = self.revisions.changed() => changed.ok()?,
                () = self.closing.cancelled() => return None,
                () = tokio::time::sleep_until(wake) => {
                    if Instant::now() >= self.deadline {
                        self.ended = true;
                    }
                    if self.query.bookmarks {
                        self.next_bookmark = Instant::now() + BOOKMARK_PERIOD;
                        self.queue_bookmark(json!({}));
                    }
                }
            }
        }
    }

    /// Queues the selected ones of the next changes up to `durable`.
    fn read_changes(&mut self, durable: u64) {
        let store = self.store.clone();
        let changes = store.read(|state| -> Result<Vec<Change>, ApiError> {
            if self.cursor < state.compacted() {
                let why = format!("too old resource version: {} ({})", self.cursor, state.compacted());
                return Err(ApiError::expired(why));
            }
            let upto = state.changes_after(self.cursor).take_while(|c| c.revision <= durable);
            Ok(upto.take(BATCH).cloned().collect())
        });
        match changes {
            Ok(changes) => {
                self.cursor = changes.last().map_or(durable, |c| c.revision);
                let now = Timestamp::now();
                let storage = self.resource.storage.clone();
                for change in changes.iter().filter(|c| c.key.resource == storage) {
                    self.queue_change(change, now);
                }
            }
            Err(error) => {
                self.queue.push_back(line("ERROR", &error.status()));
                self.ended = true;
            }
        }
    }

    /// An object that begins or ceases to match appears or disappears for this watch.
    fn queue_change(&mut self, change: &Change, now: Timestamp) {
        let matched = change.previous.as_ref().is_some_and(|o| self.selection.matches(o));
        let matches = change.kind != ChangeKind::Deleted && self.selection.matches(&change.object);
        let (kind, object) = match (matched, matches) {
            (false, true) => ("ADDED", change.object.clone()),
            (true, true) => ("MODIFIED", change.object.clone()),
            (true, false) => ("DELETED", change.object.clone()),
            (false, false) => return,
        };
        self.queue_object(kind, &object, now);
    }

    fn queue_object(&mut self, kind: &str, object: &Value, now: Timestamp) {
        let call = Call {
            resource: self.resource.clone(),
            version: &self.version,
            target: &self.target,
            query: &self.query,
            agent: "",
            now,
            seed: [0; 32],
        };
        let shown = self.representation.event(&call, object, !self.sent_table, now);
        self.sent_table = true;
        self.queue.push_back(line(kind, &shown));
    }

    fn queue_bookmark(&mut self, annotations: Value) {
        let (kind, api_version) = match self.representation {
            Representation::Full => (self.resource.kind.clone(), self.resource.api_version(&self.version)),
            Representation::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
            Representation::Table => ("Table".to_owned(), "meta.k8s.io/v1".to_owned()),
        };
        let mut metadata = json!({ "resourceVersion": self.cursor.to_string() });
        if annotations.as_object().is_some_and(|a| !a.is_empty()) {
            metadata["annotations"] = annotations;
        }
        let object = json!({ "kind": kind, "apiVersion": api_version, "metadata": metadata });
        self.queue.push_back(line("BOOKMARK", &object));
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut text = json!({ "type": kind, "object": object }).to_string().into_bytes();
    text.push(b'\n');
    text.into()
}
