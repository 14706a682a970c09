//! A gateway for tests: the real gate and a ledger in a temporary directory, with a model and a sandbox whose answers
//! are written in the test.

mod fakes;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use genesis_gate::Gate;
use genesis_ledger::{Ledger, LedgerOptions, ProjectionOptions, Projections};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use fakes::{FakeModel, FakeSandbox, record, request};

use crate::app::App;
use crate::config::{Config, Secret};
use crate::executor::{BatchPolicy, Batched};
use crate::generate::Pipeline;
use crate::generate::gate::Gatekeeper;
use crate::http;
use crate::inference::ReplicatedModel;
use crate::operator::Operator;
use crate::routing::testing::route;
use crate::routing::{ModelRoute, Replica, RetryPolicy, RouteTable, Routes, Unsynced};

/// The service token of the tests.
pub const TOKEN: &str = "token-of-the-tests";

/// A gateway under test.
pub struct Harness {
    /// What the handlers share.
    pub app: App,
    /// The model.
    pub model: Arc<FakeModel>,
    /// The sandbox.
    pub sandbox: Arc<FakeSandbox>,
    /// Replaces the routes.
    pub announce: watch::Sender<Arc<RouteTable>>,
    /// Ledger, projections, artifacts.
    pub data: TempDir,
    relay: JoinHandle<()>,
}

/// A route whose pods are ready.
pub fn ready_route(data: &TempDir) -> ModelRoute {
    let pod = |name: &str| Replica { pod: name.into(), address: [127, 0, 0, 1].into() };
    ModelRoute {
        storage: format!("file://{}", data.path().join("store").display()),
        serving: vec![pod("inference")],
        sandboxes: vec![pod("sandbox")],
        ..route(None)
    }
}

impl Harness {
    /// A gateway with one ready model.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::new(PathBuf::from(data.path()), Secret::new(TOKEN));
        config.retry = RetryPolicy {
            total: Duration::from_millis(200),
            pause: Duration::from_millis(10),
            ..RetryPolicy::default()
        };
        change(&mut config);
        let ledger = Ledger::open(&data.path().join("ledger.sqlite"), LedgerOptions::default()).await.unwrap();
        let projections = Arc::new(Projections::open(ledger.clone(), ProjectionOptions::default()).await.unwrap());
        let relay = projections.start_relay();
        let (announce, table) = watch::channel(Arc::new(RouteTable::new([ready_route(&data)])));
        let routes = Routes { table, unsynced: Arc::new(Unsynced::none()) };
        let (model, sandbox) = (Arc::new(FakeModel::default()), Arc::new(FakeSandbox::default()));
        let metrics = Arc::default();
        let executor = Batched::new(sandbox.clone(), BatchPolicy::default(), Arc::clone(&metrics));
        let pipeline = Pipeline {
            ledger,
            projections,
            gate: Arc::new(Gatekeeper::new(Gate::default())),
            model: model.clone(),
            executor: Arc::new(executor),
            metrics,
            turns: Arc::new(Semaphore::new(config.max_generations)),
            admitted: Arc::new(Semaphore::new(config.max_generations + config.max_waiting)),
        };
        let http = reqwest::Client::new();
        let inference = ReplicatedModel::new(http.clone(), routes.table.clone(), config.inference_port, config.retry);
        let (url, token) = (config.operator_url.clone(), config.service_token.clone());
        let operator = Operator::new(http, url, token, config.retry.total);
        let app =
            App { config: Arc::new(config), routes, pipeline, inference, operator, shutdown: CancellationToken::new() };
        Self { app, model, sandbox, announce, data, relay }
    }

    /// The route of the model.
    pub fn route(&self) -> Arc<ModelRoute> {
        self.app.resolve(None).unwrap()
    }

    /// Waits until the projections hold everything committed so far.
    pub async fn settle(&self) {
        self.app.pipeline.projections.catch_up().await.unwrap();
    }

    /// Serves the public API; returns its address.
    pub async fn public(&self) -> String {
        serve(http::public(self.app.clone())).await
    }

    /// Serves the operator's endpoints.
    pub async fn internal(&self) -> String {
        serve(http::internal(self.app.clone())).await
    }

    /// Serves the metrics.
    pub async fn metrics(&self) -> String {
        serve(http::metrics(self.app.clone())).await
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.app.shutdown.cancel();
        self.relay.abort();
    }
}

/// Serves a router on a free port of the loopback interface.
pub async fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
