use std::path::PathBuf;

use anyhow::{Context, Result};
use genesis_minicluster::node::{Node, NodeOptions};
use kube::Client;

use crate::shutdown;

/// A virtual kubelet for the Kubernetes API of the environment.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the Node object
    #[arg(long, default_value = "local")]
    name: String,
    /// Folder for logs
    #[arg(long, default_value = ".genesis/node")]
    data: PathBuf,
    /// Where commands are looked up before PATH [default: beside this program]
    #[arg(long)]
    binaries: Option<PathBuf>,
}

impl Arguments {
    pub async fn run(self) -> Result<()> {
        let Self { name, data, binaries } = self;
        let client = Client::try_default().await.context("no Kubernetes API: set KUBECONFIG")?;
        let shutdown = shutdown::token();
        let binaries = binaries.map_or_else(beside_this_program, Ok)?;
        let node = Node::start(client, NodeOptions { name, ..NodeOptions::new(data, binaries) }).await?;
        shutdown.cancelled().await;
        node.shutdown().await;
        Ok(())
    }
}

/// The folder of this program.
pub fn beside_this_program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    own.parent().map(PathBuf::from).context("this program lies in no folder")
}
