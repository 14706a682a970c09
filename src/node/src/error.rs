use std::path::{Path, PathBuf};

/// Why a node cannot run, or a pod on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder.
    #[error("the node's folder {path}: {source}")]
    Data {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The Kubernetes API.
    #[error("the Kubernetes API: {0}")]
    Api(#[from] kube::Error),
    /// A pod of a kind this node cannot run.
    #[error("this node runs pods with one container and a command; pod {pod} has {what}")]
    Unsupported {
        /// Which pod.
        pod: String,
        /// What it has.
        what: String,
    },
    /// A variable of a container that cannot be resolved.
    #[error("environment variable {name}: {why}")]
    Environment {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// A process that does not start.
    #[error("{program} cannot be started: {source}")]
    Spawn {
        /// Which.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn data(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Data { path, source }
    }
}
