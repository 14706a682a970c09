//! The process: opens everything, serves, and stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use genesis_gate::Gate;
use genesis_ledger::{Ledger, LedgerError, LedgerOptions, ProjectionOptions, Projections};
use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::{Config, InvalidConfig};
use crate::executor::{Batched, SandboxPool};
use crate::generate::Pipeline;
use crate::generate::gate::Gatekeeper;
use crate::http;
use crate::inference::ReplicatedModel;
use crate::metrics::Metrics;
use crate::operator::Operator;
use crate::routing::{Routes, watch};

/// After the signal to stop, requests under way get this long.
const GRACE: Duration = Duration::from_secs(20);

/// A pod that does not accept a connection in this time is down.
const CONNECT: Duration = Duration::from_secs(2);

/// Why a gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// No Kubernetes API.
    #[error("the Kubernetes API cannot be used: {0}; set KUBECONFIG or run in a pod with a service account")]
    Kubernetes(#[source] Box<kube::Error>),
    /// The data directory.
    #[error("the data directory {path}: {source}")]
    Data {
        /// Which.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The ledger.
    #[error("the ledger cannot be opened: {0}")]
    Ledger(#[from] LedgerError),
    /// An address.
    #[error("cannot listen on {address}: {source}; is another gateway running?")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP client.
    #[error("no HTTP client can be made: {0}")]
    Http(#[from] reqwest::Error),
    /// A server ended by itself.
    #[error("a server ended: {0}")]
    Serve(#[from] std::io::Error),
}

/// Addresses that the servers are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Public API.
    pub public: SocketAddr,
    /// Operator's endpoints.
    pub internal: SocketAddr,
    /// Metrics.
    pub metrics: SocketAddr,
}

/// A gateway that is bound and has not served yet.
pub struct Gateway {
    app: App,
    listeners: [TcpListener; 3],
    addresses: Addresses,
    relay: JoinHandle<()>,
}

/// Runs a gateway until the process is told to stop, with the Kubernetes API of the environment.
pub async fn run(config: Config) -> Result<(), ServerError> {
    let client = Client::try_default().await.map_err(|error| ServerError::Kubernetes(Box::new(error)))?;
    let shutdown = CancellationToken::new();
    tokio::spawn(stop_on_signal(shutdown.clone()));
    Gateway::bind(config, &client, shutdown).await?.serve().await
}

impl Gateway {
    /// Opens the ledger, starts the watches, and binds the addresses. `shutdown` stops it.
    pub async fn bind(config: Config, client: &Client, shutdown: CancellationToken) -> Result<Self, ServerError> {
        config.validate()?;
        let routes = watch::start(client, config.namespace.as_deref(), &shutdown);
        Self::bind_with(config, routes, shutdown).await
    }

    /// The same with routes from elsewhere.
    pub async fn bind_with(config: Config, routes: Routes, shutdown: CancellationToken) -> Result<Self, ServerError> {
        let data = |source| ServerError::Data { path: config.data.display().to_string(), source };
        std::fs::create_dir_all(&config.data).map_err(data)?;
        let ledger = Ledger::open(&config.data.join("ledger.sqlite"), LedgerOptions::default()).await?;
        let options =
            ProjectionOptions { path: Some(config.data.join("projections.sqlite")), ..ProjectionOptions::default() };
        let projections = Arc::new(Projections::open(ledger.clone(), options).await?);
        let relay = projections.start_relay();
        let app = assemble(config, routes, ledger, projections, shutdown)?;
        let listeners = [
            listen(app.config.listen).await?,
            listen(app.config.internal_listen).await?,
            listen(app.config.metrics_listen).await?,
        ];
        let [public, internal, metrics] = &listeners;
        let addresses = Addresses {
            public: public.local_addr()?,
            internal: internal.local_addr()?,
            metrics: metrics.local_addr()?,
        };
        Ok(Self { app, listeners, addresses, relay })
    }

    /// Where it listens; of interest where a port was 0.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until shutdown; answers what was begun, at most for a while, and closes the ledger.
    pub async fn serve(self) -> Result<(), ServerError> {
        let Self { app, listeners, addresses, relay } = self;
        let Addresses { public, internal, metrics } = addresses;
        tracing::info!(%public, %internal, %metrics, "The gateway listens.");
        let shutdown = app.shutdown.clone();
        let ledger = app.pipeline.ledger.clone();
        let routers = [http::public(app.clone()), http::internal(app.clone()), http::metrics(app)];
        let mut servers = JoinSet::new();
        for (listener, router) in listeners.into_iter().zip(routers) {
            servers.spawn(serve_one(listener, router, shutdown.clone()));
        }
        let ended = until_stopped(&mut servers, &shutdown).await;
        shutdown.cancel();
        if tokio::time::timeout(GRACE, async { while servers.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!("Some requests did not end in time and are cut off.");
            servers.shutdown().await;
        }
        relay.abort();
        drop(relay.await);
        ledger.close().await;
        ended
    }
}

fn assemble(
    config: Config,
    routes: Routes,
    ledger: Ledger,
    projections: Arc<Projections>,
    shutdown: CancellationToken,
) -> Result<App, ServerError> {
    let http = reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(config.retry.answer).build()?;
    let metrics = Arc::new(Metrics::default());
    let inference = ReplicatedModel::new(http.clone(), routes.table.clone(), config.inference_port, config.retry);
    let sandboxes = Arc::new(SandboxPool::new(routes.table.clone(), config.sandbox_port, config.retry));
    let pipeline = Pipeline {
        ledger,
        projections,
        gate: Arc::new(Gatekeeper::new(Gate::default())),
        model: Arc::new(inference.clone()),
        executor: Arc::new(Batched::new(sandboxes, config.batches, Arc::clone(&metrics))),
        metrics,
        turns: Arc::new(Semaphore::new(config.max_generations.max(1))),
        admitted: Arc::new(Semaphore::new(config.max_generations.max(1) + config.max_waiting)),
    };
    let (url, token) = (config.operator_url.clone(), config.service_token.clone());
    let operator = Operator::new(http, url, token, config.retry.total);
    Ok(App { config: Arc::new(config), routes, pipeline, inference, operator, shutdown })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address, source })
}

async fn serve_one(listener: TcpListener, router: Router, shutdown: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// Waits for the signal to stop, or for a server that ends without one.
async fn until_stopped(
    servers: &mut JoinSet<std::io::Result<()>>,
    shutdown: &CancellationToken,
) -> Result<(), ServerError> {
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        ended = servers.join_next() => match ended {
            Some(Ok(done)) => Ok(done?),
            Some(Err(lost)) => Err(ServerError::Serve(std::io::Error::other(lost))),
            None => Ok(()),
        },
    }
}

async fn stop_on_signal(shutdown: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("The gateway stops: requests under way are answered first.");
    shutdown.cancel();
}

#[cfg(test)]
mod tests;
