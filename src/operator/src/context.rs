use std::sync::Arc;

use jiff::Timestamp;
use kube::Client;
use kube::runtime::events::Recorder;

use crate::config::Settings;
use crate::metrics::Metrics;
use crate::model::Resting;
use crate::ports::{Gateway, Inference};
use crate::serving::ReplicaMemory;
use crate::watches::Watches;
use crate::words::LastWritten;

/// What all reconcilers share.
pub struct Context {
    /// The Kubernetes API.
    pub client: Client,
    /// The gateway, where one is configured.
    pub gateway: Option<Arc<dyn Gateway>>,
    /// Inference servers.
    pub inference: Arc<dyn Inference>,
    /// What was proved about which pod. Losing it costs a few requests, nothing else.
    pub memory: ReplicaMemory,
    /// Which models are at rest.
    pub(crate) resting: Resting,
    /// When each status was last written.
    pub(crate) written: LastWritten,
    /// Events.
    pub recorder: Recorder,
    /// Numbers.
    pub metrics: Metrics,
    /// Whether the watches make progress.
    pub watches: Watches,
    /// What decisions need to know of the configuration.
    pub settings: Arc<Settings>,
    /// Reads the time.
    pub clock: fn() -> Timestamp,
}

impl Context {
    /// Now, to the millisecond: what is written to a status reads back the same.
    pub fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
