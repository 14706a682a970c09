//! A virtual kubelet: runs the pods bound to it as local processes, against any Kubernetes API.
//!
//! It registers a Node and renews its Lease, follows the pods bound to it, starts their containers as child processes
//! with their own loopback address, probes and restarts them, and reports what a kubelet would report. A container's
//! image is not used: its command is looked up in a directory of binaries and then in `PATH`.
//!
//! Processes die with the node (also after `kill -9`). When it starts again it restarts or fails the pods that were
//! running, as their restart policy says.

mod address;
mod agent;
mod backoff;
mod container;
mod context;
mod environment;
mod memory;
mod orphans;
mod pod;
mod probe;
mod process;
mod register;
mod status;
#[cfg(test)]
mod tests;
mod volumes;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::context::Context;

/// How a node runs.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Name of the Node object.
    pub name: String,
    /// Where addresses, scratch directories and logs are kept.
    pub data_dir: PathBuf,
    /// Where the first word of a container's command is looked up before `PATH`.
    pub bin_dir: PathBuf,
    /// Environment variables of the node that its containers see too.
    pub pass_environment: Vec<String>,
    /// Labels of the Node object beside the usual ones.
    pub labels: BTreeMap<String, String>,
    /// Resources beside cpu, memory and pods, for example `nvidia.com/gpu`.
    pub extended_resources: BTreeMap<String, String>,
    /// Whether ordinary pods are kept away by a taint, as is wise on a shared cluster.
    pub tainted: bool,
}

impl NodeOptions {
    /// A node called `local-node` that keeps its data in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>, bin_dir: impl Into<PathBuf>) -> Self {
        Self {
            name: "local-node".to_owned(),
            data_dir: data_dir.into(),
            bin_dir: bin_dir.into(),
            pass_environment: Vec::new(),
            labels: BTreeMap::new(),
            extended_resources: BTreeMap::new(),
            tainted: false,
        }
    }
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its data directory cannot be used.
    #[error("cannot use the node's data directory {path}: {source}")]
    Directory {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The thread that starts processes cannot be started.
    #[error("cannot start the thread that starts containers: {0}")]
    Thread(#[source] std::io::Error),
    /// The Node object cannot be written.
    #[error("cannot register node {name}: {source}")]
    Register {
        /// Name of the node.
        name: String,
        /// What the API said.
        source: Box<kube::Error>,
    },
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Registers the node and begins to run its pods.
    ///
    /// # Errors
    /// When its data directory cannot be used or the API does not take the Node object.
    pub async fn start(client: kube::Client, options: NodeOptions) -> Result<Self, NodeError> {
        orphans::kill(&options.data_dir);
        let context = Arc::new(Context::new(client, options)?);
        register::register(&context)
            .await
            .map_err(|source| NodeError::Register { name: context.options.name.clone(), source: Box::new(source) })?;
        let stop = CancellationToken::new();
        let heartbeat = tokio::spawn(stop.clone().run_until_cancelled_owned(register::heartbeat(context.clone())));
        let (reading, stopped) = (context.clone(), stop.clone());
        let agent = tokio::spawn(async move {
            tokio::select! {
                // To the end of its containers, which may take longer than the stop.
                () = agent::run(context, stopped) => {}
                never = reading.memory.keep_reading() => match never {},
            }
        });
        let ended = |task: JoinHandle<Option<()>>| {
            tokio::spawn(async move {
                task.await.ok();
            })
        };
        Ok(Self { stop, tasks: vec![ended(heartbeat), agent] })
    }

    /// Asks the processes of the node's pods to end, kills those that do not within their grace, and returns when none
    /// is left. The pods stay in the API and run again when the node starts.
    pub async fn shutdown(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.ok();
        }
    }
}

/// The log file of a container under a node's data directory.
pub fn log_path(data_dir: &Path, namespace: &str, pod: &str, container: &str) -> PathBuf {
    data_dir.join("logs").join(format!("{namespace}_{pod}_{container}.log"))
}
