use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Recorder, Reporter};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Settings};
use crate::context::Context;
use crate::controllers::{self, Wiring};
use crate::metrics::Metrics;
use crate::ports::{self, Gateway, HttpGateway, HttpInference};
use crate::serving::ReplicaMemory;
use crate::server::{self, App};
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
    /// No HTTP client could be made.
    #[error("no HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// The internal server ended.
    #[error("the internal server ended: {0}")]
    Server(#[source] std::io::Error),
}

/// An operator that is bound to its address and does not run yet.
pub struct Operator {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    wiring: Wiring,
}

impl Operator {
    /// Binds the internal server and prepares the controllers. `config.listen` may name port 0.
    pub async fn bind(client: Client, config: Config, shutdown: CancellationToken) -> Result<Self, StartError> {
        if config.service_token.is_empty() {
            return Err(StartError::NoServiceToken);
        }
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let http = ports::client()?;
        let gateway = config
            .gateway_url
            .as_deref()
            .map(|url| Arc::new(HttpGateway::new(http.clone(), url, &config.service_token)) as Arc<dyn Gateway>);
        let ctx = Arc::new(Context {
            recorder: Recorder::new(client.clone(), Reporter::from("genesis-operator")),
            client,
            gateway,
            inference: Arc::new(HttpInference::new(http)),
            memory: ReplicaMemory::default(),
            written: LastWritten::default(),
            metrics: Metrics::default(),
            settings: Arc::new(Settings::new(&config, address)),
            clock: Timestamp::now,
        });
        let ready = Arc::new(AtomicBool::new(false));
        let wiring = Wiring { ctx: ctx.clone(), namespace: config.namespace, concurrency: config.concurrency.max(1), shutdown };
        Ok(Self { listener, address, app: App { ctx, ready }, wiring })
    }

    /// Where the internal server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until it is asked to stop.
    pub async fn run(self) -> Result<(), StartError> {
        let Self { listener, app, wiring, .. } = self;
        let ready = app.ready.clone();
        let serving = server::serve(listener, app, wiring.shutdown.clone());
        let controlling = async {
            if definitions_are_there(&wiring).await {
                ready.store(true, Ordering::Relaxed);
                controllers::run(&wiring).await;
            }
            Ok(())
        };
        // When the server cannot go on, Jobs cannot report: then the controllers must not go on either.
        tokio::try_join!(async { serving.await.map_err(StartError::Server) }, controlling).map(drop)
    }
}

/// Runs the operator until `shutdown`.
pub async fn run(client: Client, config: Config, shutdown: CancellationToken) -> Result<(), StartError> {
    let operator = Operator::bind(client, config, shutdown).await?;
    tracing::info!(address = %operator.address(), "The operator runs.");
    operator.run().await
}

/// Waits for the custom resource definitions: an operator that is installed together with them must not end because
/// it was first. False when it is asked to stop before.
async fn definitions_are_there(wiring: &Wiring) -> bool {
    loop {
        let missing = missing_definition(wiring).await;
        let Some((kind, error)) = missing else { return true };
        tracing::info!(kind, %error, "Waiting for a custom resource definition.");
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
