//! What went by between a client and its API.

use super::plan::{Fault, Seen, WatchFault};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedRequest {
    /// What was asked.
    pub seen: Seen,
    /// What happened to it.
    pub fault: Option<Fault>,
    /// HTTP status of the server's answer, if it reached the server.
    pub status: Option<u16>,
}

/// One watch event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedEvent {
    /// The object it was about.
    pub seen: Seen,
    /// `ADDED`, `MODIFIED`, `DELETED`.
    pub kind: String,
    /// The object's resourceVersion.
    pub resource_version: String,
    /// What happened to it.
    pub fault: Option<WatchFault>,
}

/// Requests and events in the order they went by.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// All requests, reads included.
    pub requests: Vec<TracedRequest>,
    /// All watch events.
    pub events: Vec<TracedEvent>,
}

impl Trace {
    /// The requests that can change something.
    pub fn writes(&self) -> impl Iterator<Item = &TracedRequest> {
        self.requests.iter().filter(|request| request.seen.verb.is_write())
    }
}
