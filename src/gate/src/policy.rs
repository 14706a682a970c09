//! What a program may do, and the bounds of the analysis.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::analyser::Limits;

/// Something a program may only do if its task declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Start and signal processes: `subprocess`, `os.system`, `multiprocessing`.
    Process,
    /// Open connections: `socket`, `urllib.request`, `requests`.
    Network,
    /// Call native code: `ctypes`, `cffi`.
    Native,
}

/// The rules' settings. Part of every verdict's ruleset digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// What programs may do; nothing by default, as in the sandbox.
    pub capabilities: BTreeSet<Capability>,
    /// Bounds of the analysis.
    pub limits: Limits,
}
