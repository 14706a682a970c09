//! Keeps an operator running, as a Deployment would: after a crash another one takes its place.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use genesis_minicluster::cluster::Cluster;
use genesis_minicluster::faults::Faults;
use genesis_operator::{Config, Operator, Ports};
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Tries to bind the address that the last operator had.
const BINDS: usize = 100;

/// Runs operators one after another.
pub(super) struct Host {
    pub cluster: Cluster,
    pub faults: Faults,
    pub config: Config,
    pub ports: Ports,
    pub shutdown: CancellationToken,
}

impl Host {
    /// Starts the first operator, with the faults; its address, and the task that looks after it and its successor.
    pub(super) async fn start(mut self) -> Result<(SocketAddr, JoinHandle<Result<()>>)> {
        let first = self.bind(self.faults.client(self.cluster.service())).await?;
        let address = first.address();
        // Jobs that were started by the first operator report to this address.
        self.config.listen = address;
        Ok((address, tokio::spawn(self.keep(first))))
    }

    async fn keep(self, first: Operator) -> Result<()> {
        let mut running = tokio::spawn(first.run());
        tokio::select! {
            ended = &mut running => return Ok(ended??),
            () = self.faults.crashed() => running.abort(),
        }
        // A successor must not begin while something of the dead one may still act.
        let _ = running.await;
        Ok(self.bind(self.cluster.client()).await?.run().await?)
    }

    async fn bind(&self, client: Client) -> Result<Operator> {
        for _ in 0..BINDS {
            let (config, ports) = (self.config.clone(), self.ports.clone());
            match Operator::bind(client.clone(), config, ports, self.shutdown.clone()).await {
                Ok(operator) => return Ok(operator),
                Err(genesis_operator::StartError::Listen { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => return Err(error.into()),
            }
        }
        bail!("{} is still taken", self.config.listen)
    }
}
