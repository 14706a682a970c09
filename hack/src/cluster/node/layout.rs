//! Names, addresses and paths of a node.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use genesis_core::Digest;

/// Name of the node.
pub const NAME: &str = "node1";

/// The bridge of the pods.
pub(super) const BRIDGE: &str = "br-node";

/// Addresses of pods; the first is the node's.
pub(super) const PODS: &str = "10.77.0.0/16";

/// Address of the name server's Service.
pub(super) const DNS_ADDRESS: &str = "10.96.0.10";

/// Suffix of all names.
pub(super) const DOMAIN: &str = "cluster.local";

/// Where clouds answer a machine's questions about itself. Here nobody does, until a check plays them.
pub(super) const METADATA: &str = "169.254.169.254";

/// Port of the API server inside.
pub(super) const API_PORT: u16 = 6443;

/// containerd's socket inside.
pub(super) const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";

/// Image of a pod's first process.
pub(super) const PAUSE: &str = "localhost/pause:1";

/// A node's files.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    folder: PathBuf,
}

impl Layout {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes one of them, and the folder it is in.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.file(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Name of its control group: the same for the same folder, so that the next start finds what a killed one left.
    pub(super) fn cgroup(&self) -> String {
        format!("genesis-node-{}", Digest::of_bytes(self.folder.display().to_string().as_bytes()).short())
    }
}
