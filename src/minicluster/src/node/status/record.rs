//! What the node knows about a container.

use jiff::Timestamp;

/// How a container ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Exit code, 128 + signal for a killed process.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `StartError` or `ContainerStatusUnknown`.
    pub reason: String,
    /// What a person should know beyond that.
    pub message: Option<String>,
    /// When it began, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// What a container is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Not running, for this reason.
    Waiting {
        /// `ContainerCreating`, `CrashLoopBackOff`, `CreateContainerConfigError`.
        reason: &'static str,
        /// Details.
        message: Option<String>,
    },
    /// Running since.
    Running(Timestamp),
    /// Ended for good.
    Ended(Ended),
}

/// All that is known of a container.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerRecord {
    /// What it is doing.
    pub phase: Phase,
    /// How it ended the time before.
    pub last: Option<Ended>,
    /// How often it was started again.
    pub restarts: i32,
    /// Whether its start-up is over.
    pub started: bool,
    /// Whether it takes requests.
    pub ready: bool,
    /// `process://<pid>` of the latest process.
    pub id: Option<String>,
}

impl ContainerRecord {
    /// A container that has not been started.
    pub fn new() -> Self {
        let phase = Phase::Waiting { reason: "ContainerCreating", message: None };
        Self { phase, last: None, restarts: 0, started: false, ready: false, id: None }
    }

    /// Whether it has ended and will not be started again.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }
}
