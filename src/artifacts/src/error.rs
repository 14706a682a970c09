use std::path::{Path, PathBuf};

use genesis_core::Digest;

/// Why an artifact could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The content is not what its name says.
    #[error("{path} holds {found}, not {expected}: the artifact was changed or damaged; restore it or make it again")]
    Digest {
        /// Where.
        path: PathBuf,
        /// The name.
        expected: Digest,
        /// The content.
        found: Digest,
    },
    /// The address is of a kind this build cannot read.
    #[error("{0:?} is not an address Genesis can open: write file:///absolute/path")]
    Uri(String),
    /// An alias names nothing yet.
    #[error("no artifact is named {kind}/{name} in {root}")]
    UnknownAlias {
        /// Kind.
        kind: &'static str,
        /// Name.
        name: String,
        /// Store.
        root: PathBuf,
    },
    /// A name that could leave the store.
    #[error("{0:?} is not a name: use letters, digits, '-', '_' and '.'")]
    Name(String),
}

impl Error {
    /// Whether the file system failed, which may pass. That there is nothing at an address, or something of another
    /// kind, is the address's fault and stays so.
    pub fn is_io(&self) -> bool {
        use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
        matches!(self, Self::Io { source, .. } if !matches!(source.kind(), NotFound | NotADirectory | IsADirectory))
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
