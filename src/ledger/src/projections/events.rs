//! Live events: the embedded stand-in for an event broker, read by server-sent events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::{Contents, Projection};
use crate::error::Result;
use crate::ledger::Census;
use crate::types::event::Event;

/// Sends each event once to every subscriber. It keeps nothing: what a subscriber missed is in the ledger
/// ([`Ledger::events_of`](crate::Ledger::events_of)), by the sequence number of the last event it saw.
pub struct EventStream {
    sender: broadcast::Sender<Arc<Event>>,
    position: AtomicU64,
}

impl EventStream {
    /// Starts at the ledger's present position: older events are not live.
    pub(super) fn new(buffer: usize, position: u64) -> Self {
        Self { sender: broadcast::Sender::new(buffer.max(1)), position: AtomicU64::new(position) }
    }

    /// Events of all tenants from now on; the reader keeps to its own tenant's. A reader that lags behind by
    /// more than the buffer is told how many it lost.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }
}

#[async_trait]
impl Projection for EventStream {
    fn name(&self) -> &'static str {
        "events"
    }

    async fn position(&self) -> Result<u64> {
        Ok(self.position.load(Ordering::Acquire))
    }

    async fn apply(&self, events: &[Event]) -> Result<()> {
        for event in events {
            if self.position.fetch_max(event.sequence, Ordering::AcqRel) < event.sequence {
                // Nobody listening is no error.
                drop(self.sender.send(Arc::new(event.clone())));
            }
        }
        Ok(())
    }

    /// Does nothing: subscribers have seen what they have seen, and sending it again would be a repetition.
    async fn clear(&self) -> Result<()> {
        Ok(())
    }

    async fn compare(&self, _census: &Census) -> Result<(Contents, Contents)> {
        Ok((Contents::of(Vec::new()), Contents::of(Vec::new())))
    }
}
