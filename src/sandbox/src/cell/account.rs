//! What a program used, and why a cell is lost.

use std::time::Duration;

use nix::errno::Errno;

use crate::cgroup::CgroupError;

/// What a program used, measured from outside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time of the program and everything it started, and of forking it.
    pub(crate) processor: Duration,
    /// Peak memory beyond the fork server's own, bytes; 0 where unknown.
    pub(crate) peak_bytes: u64,
    /// Whether a process was killed because memory ran out.
    pub(crate) out_of_memory: bool,
    /// Whether a process or thread was refused.
    pub(crate) out_of_processes: bool,
    /// Whether nobody but the program can tell that it was refused a process.
    pub(crate) refusals_unseen: bool,
    /// Whether the scratch was full.
    pub(crate) out_of_disk: bool,
}

/// Why a cell can no longer be used. The program it ran has no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CellError {
    #[error("a cell could not be started: {0}")]
    NotStarted(String),
    #[error("the cell's {who} does not answer")]
    Silent { who: &'static str },
    #[error("the cell's {who} has ended")]
    Gone { who: &'static str },
    #[error("the scratch file system cannot be replaced: {0}")]
    Scratch(Errno),
    #[error("{0} processes are left in the cell after the program")]
    NotEmpty(usize),
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error("the cell cannot be reached: {0}")]
    Io(#[from] std::io::Error),
    #[error("the cell cannot be reached: {0}")]
    System(#[from] Errno),
}
