//! Keeps an operator running, as a Deployment would: after a crash another one takes its place.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use genesis_minicluster::cluster::Cluster;
use genesis_minicluster::faults::{Faults, Lag};
use genesis_operator::{Config, Operator, Ports};
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Tries to bind the address that the last operator had.
const BINDS: usize = 100;

/// What the operator after a crash sees of the cluster.
#[derive(Clone, Copy, Debug, Default)]
pub enum Restart {
    /// Everything as it is.
    #[default]
    Fresh,
    /// For a while only what the one before saw so many events ago: it travels back in time.
    Stale {
        /// Events that are forgotten.
        events: usize,
        /// How long.
        lasting: Duration,
    },
}

/// Runs operators one after another.
pub(super) struct Host {
    pub cluster: Cluster,
    pub faults: Faults,
    pub restart: Restart,
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
        Ok(self.bind(self.successor()).await?.run().await?)
    }

    /// The client of the next operator.
    fn successor(&self) -> Client {
        let Restart::Stale { events, lasting } = self.restart else { return self.cluster.client() };
        let seen = self.faults.trace().events;
        let then = seen.iter().rev().nth(events).or(seen.first());
        let revision = then.and_then(|event| event.resource_version.parse().ok());
        let Some(revision) = revision else { return self.cluster.client() };
        let lag = Lag::at(revision);
        let client = lag.client(self.cluster.service());
        tokio::spawn(async move {
            tokio::time::sleep(lasting).await;
            lag.catch_up();
        });
        client
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
