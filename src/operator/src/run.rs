use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::client::ClientBuilder;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Recorder, Reporter};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Settings};
use crate::context::Context;
use crate::controllers::{self, Wiring};
use crate::leadership::{Election, LEASE, Leadership};
use crate::metrics::Metrics;
use crate::model::Resting;
use crate::ports::{self, Gateway, HttpGateway, HttpInference, Inference};
use crate::server::{self, App, Readiness};
use crate::serving::ReplicaMemory;
use crate::words::LastWritten;

/// Pause between two looks for the custom resource definitions.
const DEFINITIONS_PAUSE: Duration = Duration::from_secs(1);

/// Why the operator did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The secret is missing.
    #[error("the service token is empty: set GENESIS_SERVICE_TOKEN to a secret that the gateway has too")]
    NoServiceToken,
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Jobs would be told an address that leads nowhere.
    #[error(
        "pods cannot report to {address}, which stands for every address of this host: \
         set GENESIS_OPERATOR_URL (--operator-url) to the operator's Service, or listen on one address"
    )]
    NoReportUrl {
        /// The address.
        address: SocketAddr,
    },
    /// There is no cluster to speak to.
    #[error("no Kubernetes API: {0}; set KUBECONFIG")]
    Client(#[source] Box<kube::Error>),
    /// No HTTP client could be made.
    #[error("no HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// Nobody can lead.
    #[error("the Lease {LEASE} cannot be had: {0}; the operator needs to get, create, update and patch Leases there")]
    Lease(#[from] kube_lease_manager::LeaseManagerError),
    /// Another operator may lead.
    #[error("the Lease {LEASE} is lost: another operator leads")]
    LeaseLost,
    /// The internal server ended.
    #[error("the internal server ended: {0}")]
    Server(#[source] std::io::Error),
}

/// Whom the operator asks beside the Kubernetes API.
#[derive(Clone)]
pub struct Ports {
    /// The gateway, where there is one.
    pub gateway: Option<Arc<dyn Gateway>>,
    /// Inference servers.
    pub inference: Arc<dyn Inference>,
}

impl Ports {
    /// Over HTTP, as the configuration says.
    pub fn over_http(config: &Config) -> Result<Self, StartError> {
        let http = ports::client()?;
        let gateway =
            |url: &str| Arc::new(HttpGateway::new(http.clone(), url, &config.service_token)) as Arc<dyn Gateway>;
        let gateway = config.gateway_url.as_deref().map(gateway);
        Ok(Self { gateway, inference: Arc::new(HttpInference::new(http)) })
    }
}

/// An operator that is bound to its address and does not run yet.
pub struct Operator {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    wiring: Wiring,
    election: Option<Election>,
}

impl Operator {
    /// Binds the internal server and prepares the controllers. `config.listen` may name port 0.
    pub async fn bind(
        client: Client,
        config: Config,
        ports: Ports,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        if config.service_token.is_empty() {
            return Err(StartError::NoServiceToken);
        }
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let settings = Settings::new(&config, address).ok_or(StartError::NoReportUrl { address })?;
        let ctx = Arc::new(Context {
            recorder: Recorder::new(client.clone(), Reporter::from("genesis-operator")),
            client,
            gateway: ports.gateway,
            inference: ports.inference,
            memory: ReplicaMemory::default(),
            resting: Resting::default(),
            written: LastWritten::default(),
            metrics: Metrics::default(),
            watches: config.watches,
            settings: Arc::new(settings),
            clock: Timestamp::now,
        });
        let ready = Readiness::default();
        let wiring =
            Wiring { ctx: ctx.clone(), namespace: config.namespace, concurrency: config.concurrency.max(1), shutdown };
        Ok(Self { listener, address, app: App { ctx, ready }, wiring, election: config.election })
    }

    /// Where the internal server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until it is asked to stop.
    pub async fn run(self) -> Result<(), StartError> {
        let Self { listener, app, wiring, election, .. } = self;
        let ready = app.ready.clone();
        let serving = server::serve(listener, app, wiring.shutdown.clone());
        let controlling = async {
            if definitions_are_there(&wiring, &ready).await {
                // One that waits for the Lease is ready too: Jobs can report to it.
                ready.reached();
                lead(&wiring, election.as_ref()).await?;
            }
            Ok(())
        };
        // When the server cannot go on, Jobs cannot report: then the controllers must not go on either.
        tokio::try_join!(async { serving.await.map_err(StartError::Server) }, controlling).map(drop)
    }
}

/// Runs the controllers while this operator leads.
async fn lead(wiring: &Wiring, election: Option<&Election>) -> Result<(), StartError> {
    let Some(election) = election else {
        controllers::run(wiring).await;
        return Ok(());
    };
    let Some(mut leadership) = Leadership::gain(&wiring.ctx.client, election, &wiring.shutdown).await? else {
        return Ok(());
    };
    if let Some(gateway) = &wiring.ctx.gateway {
        gateway.fence(leadership.number());
    }
    let ended = tokio::select! {
        () = controllers::run(wiring) => Ok(()),
        // What is under way is dropped: the process ends, and begins anew as one of those that wait.
        () = leadership.lost() => Err(StartError::LeaseLost),
    };
    leadership.release().await;
    ended
}

/// Runs the operator against the cluster of the environment (`KUBECONFIG`, or the pod's own) until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), StartError> {
    let no_client = |error| StartError::Client(Box::new(error));
    let cluster = kube::Config::infer().await.map_err(|error| no_client(kube::Error::InferConfig(error)))?;
    let client = ClientBuilder::try_from(cluster).map_err(no_client)?.with_layer(&config.watches).build();
    let ports = Ports::over_http(&config)?;
    let shutdown = CancellationToken::new();
    let operator = Operator::bind(client, config, ports, shutdown.clone()).await?;
    tracing::info!(address = %operator.address(), "The operator runs.");
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Server)?;
    let asked = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("The operator was asked to stop.");
        shutdown.cancel();
        Ok(())
    };
    let running = operator.run();
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => ended,
        asked = asked => asked.and(running.await),
    }
}

/// Waits for the custom resource definitions: an operator that is installed together with them must not end because
/// it was first. False when it is asked to stop before.
async fn definitions_are_there(wiring: &Wiring, ready: &Readiness) -> bool {
    loop {
        let missing = missing_definition(wiring).await;
        let Some((kind, error)) = missing else { return true };
        tracing::info!(kind, %error, "Waiting for a custom resource definition.");
        ready.wait_for(format!("waiting for {kind} to be served ({error}); apply the files in crds/"));
        tokio::select! {
            () = wiring.shutdown.cancelled() => return false,
            () = tokio::time::sleep(DEFINITIONS_PAUSE) => {}
        }
    }
}

async fn missing_definition(wiring: &Wiring) -> Option<(&'static str, kube::Error)> {
    async fn ask<K>(wiring: &Wiring, kind: &'static str) -> Result<(), (&'static str, kube::Error)>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api = wiring.api::<DeserializeGuard<K>>();
        api.list(&ListParams::default().limit(1)).await.map(drop).map_err(|error| (kind, error))
    }
    let asked = tokio::try_join!(
        ask::<GenesisModel>(wiring, "GenesisModel"),
        ask::<TrainingRun>(wiring, "TrainingRun"),
        ask::<Evaluation>(wiring, "Evaluation"),
        ask::<Rollout>(wiring, "Rollout"),
    );
    asked.err()
}
