//! Ending what an earlier life of the node left behind.
//!
//! The direct children of a node die with it; what they started themselves may not. Every container carries the node's
//! data directory in its environment, and inherits it to its descendants.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

/// Environment variable that marks the processes of a node.
pub const MARK: &str = "GENESIS_NODE_DATA";

/// Kills every process that carries the mark of `data_dir`, other than this one; says whether there was one.
pub fn kill(data_dir: &Path) -> bool {
    let mark = format!("{MARK}={}", data_dir.display());
    let mut found = false;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw) else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let marked = environment.split(|b| *b == 0).any(|variable| variable == mark.as_bytes());
        if marked && pid != nix::unistd::getpid() {
            tracing::info!(%pid, "ending a process that this node has left behind");
            // It may have ended by itself in the meantime.
            signal::kill(pid, Signal::SIGKILL).ok();
            found = true;
        }
    }
    found
}

/// Kills them and returns when none is left, or after `patience`.
pub fn end(data_dir: &Path, patience: Duration) {
    let begun = Instant::now();
    while kill(data_dir) && begun.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(10));
    }
}
