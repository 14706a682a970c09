//! A virtual kubelet: pods of any Kubernetes API run as processes of this machine.
//!
//! It registers a Node, takes the pods bound to it, starts their container as a process with an address of its own in
//! 127.0.0.0/8, probes it, restarts it as the pod's policy says, and reports what a kubelet would report. It needs an
//! ordinary [`kube::Client`]: whether an API server or the minicluster answers makes no difference.
//!
//! A pod here has one container and shares the machine's files; images are not used. What isolates hostile programs is
//! the sandbox inside its pod, not this.

mod address;
mod backoff;
mod environment;
mod error;
mod pods;
mod probe;
mod process;
mod registration;
mod status;
mod worker;

use std::path::PathBuf;

use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use error::Error;

/// How a node runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the Node object.
    pub name: String,
    /// Folder for logs and the counter of addresses.
    pub data: PathBuf,
    /// Where commands without a slash are looked up before `PATH`.
    pub binaries: PathBuf,
}

/// A running node. Its pods end with it.
#[derive(Debug)]
pub struct Node {
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Registers the node and starts taking pods.
    pub async fn start(client: Client, options: Options) -> Result<Self, Error> {
        std::fs::create_dir_all(options.data.join("logs")).map_err(Error::data(&options.data))?;
        registration::register(&client, &options.name).await?;
        let shutdown = CancellationToken::new();
        let heartbeat = tokio::spawn(registration::heartbeat(client.clone(), options.name.clone(), shutdown.clone()));
        let pods = tokio::spawn(pods::run(client, options, shutdown.clone()));
        Ok(Self { shutdown, tasks: vec![heartbeat, pods] })
    }

    /// Stops taking pods, ends their processes within their grace periods, and waits for that.
    pub async fn stop(self) {
        self.shutdown.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::warn!(%error, "A task of the node ended badly.");
            }
        }
    }
}
