//! A whole cluster in one process: API, controllers and a node.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    cluster::{Cluster, ClusterError, kubeconfig},
    controllers::{ControllerOptions, Controllers},
    node::{Node, NodeError, NodeOptions},
};

/// Requests that are still open at shutdown get this long.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// How a minicluster runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where objects, logs and scratch data are kept. Without it objects live in memory and the rest in a temporary
    /// directory that is removed at shutdown.
    pub data_dir: Option<PathBuf>,
    /// Where the commands of containers are looked up before `PATH`.
    pub bin_dir: PathBuf,
    /// Where the API is served over HTTP for other processes; `None` keeps it in process.
    pub listen: Option<SocketAddr>,
    /// Environment variables that containers see of this process.
    pub pass_environment: Vec<String>,
    /// Timings of the controllers.
    pub controllers: ControllerOptions,
}

impl Options {
    /// In memory, without HTTP, with the binaries of `bin_dir`.
    pub fn in_memory(bin_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: None,
            bin_dir: bin_dir.into(),
            listen: None,
            pass_environment: Vec::new(),
            controllers: ControllerOptions::default(),
        }
    }
}

/// Why a minicluster cannot start.
#[derive(Debug, thiserror::Error)]
pub enum MiniclusterError {
    /// The API.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A file of the data directory.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address to serve on.
    #[error("cannot listen on {address}: {source}; choose another port or stop what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kubeconfig.
    #[error("cannot write the kubeconfig: {0}")]
    Kubeconfig(#[from] serde_yaml::Error),
}

/// A running minicluster.
#[derive(Debug)]
pub struct Minicluster {
    cluster: Cluster,
    controllers: Controllers,
    node: Node,
    data_dir: PathBuf,
    temporary: Option<TemporaryDir>,
    server: Option<(SocketAddr, String, JoinHandle<()>)>,
}

impl Minicluster {
    /// Starts API, controllers and node; when it returns the node is ready.
    ///
    /// # Errors
    /// When the data directory is in use or damaged, the address is taken, or the node cannot register.
    pub async fn start(options: Options) -> Result<Self, MiniclusterError> {
        let (data_dir, temporary, cluster) = if let Some(dir) = options.data_dir {
            (dir.clone(), None, Cluster::open(&dir.join("cluster"))?)
        } else {
            let temporary = TemporaryDir::create()?;
            (temporary.0.clone(), Some(temporary), Cluster::in_memory()?)
        };
        let server = match options.listen {
            Some(address) => Some(serve(&cluster, &data_dir, address).await?),
            None => None,
        };
        let controllers = Controllers::start(&cluster, options.controllers);
        let node_options =
            NodeOptions { pass_environment: options.pass_environment, ..NodeOptions::new(&data_dir, options.bin_dir) };
        let node = Node::start(cluster.client(), node_options).await?;
        Ok(Self { cluster, controllers, node, data_dir, temporary, server })
    }

    /// A client of the API.
    pub fn client(&self) -> kube::Client {
        self.cluster.client()
    }

    /// The API itself, for example to put faults under a client.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Address the API is served on.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(|(address, ..)| *address)
    }

    /// The kubeconfig for other processes, also written to `kubeconfig` in the data directory.
    ///
    /// # Errors
    /// When it cannot be written as YAML. `None` if the API is not served over HTTP.
    pub fn kubeconfig(&self) -> Result<Option<String>, MiniclusterError> {
        let of_server = |(address, token, _): &(SocketAddr, String, _)| kubeconfig(*address, token);
        Ok(self.server.as_ref().map(of_server).transpose()?)
    }

    /// The directory with logs, scratch data and, if they are kept, objects.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops the node with its processes, the controllers and the API, in this order.
    pub async fn shutdown(self) {
        self.node.shutdown().await;
        self.controllers.shutdown().await;
        self.cluster.close();
        if let Some((_, _, mut server)) = self.server
            && tokio::time::timeout(CLOSE_PATIENCE, &mut server).await.is_err()
        {
            server.abort();
        }
        drop(self.temporary);
    }
}

/// Serves the API and writes the kubeconfig.
async fn serve(
    cluster: &Cluster,
    data_dir: &Path,
    address: SocketAddr,
) -> Result<(SocketAddr, String, JoinHandle<()>), MiniclusterError> {
    let listener = TcpListener::bind(address).await.map_err(|source| MiniclusterError::Listen { address, source })?;
    let address = listener.local_addr().map_err(|source| MiniclusterError::Listen { address, source })?;
    let token = secret(&data_dir.join("token"))?;
    write_private(&data_dir.join("kubeconfig"), &kubeconfig(address, &token)?)?;
    let (served, expected) = (cluster.clone(), token.clone());
    let task = tokio::spawn(async move {
        if let Err(error) = served.serve(listener, &expected).await {
            tracing::error!(%error, "the cluster's API is no longer served");
        }
    });
    Ok((address, token, task))
}

/// The secret in a file: made where there is none or an empty one, and readable by its owner only.
///
/// # Errors
/// When the file cannot be written.
pub fn secret(path: &Path) -> Result<String, MiniclusterError> {
    if let Ok(secret) = std::fs::read_to_string(path)
        && !secret.is_empty()
    {
        return Ok(secret);
    }
    let secret = hex::encode(rand::random::<[u8; 32]>());
    write_private(path, &secret)?;
    Ok(secret)
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<(), MiniclusterError> {
    use std::{
        fs::Permissions,
        io::Write as _,
        os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    };
    let failed = |source| MiniclusterError::File { path: path.to_owned(), source };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(failed)?;
    // The mode above is for a new file only.
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// A directory that is removed with its owner.
#[derive(Debug)]
struct TemporaryDir(PathBuf);

impl TemporaryDir {
    fn create() -> Result<Self, MiniclusterError> {
        let path = std::env::temp_dir().join(format!("genesis-minicluster-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).map_err(|source| MiniclusterError::File { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of temporary files.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_private_even_where_an_empty_file_was_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let made = secret(&path).unwrap();
        assert_eq!((made.len(), secret(&path).unwrap()), (64, made.clone()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
