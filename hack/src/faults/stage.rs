//! A cluster with one model, an operator that looks after it, and everything around them.

use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use genesis_api::GenesisModel;
use genesis_artifacts::Store;
use genesis_minicluster::cluster::Cluster;
use genesis_minicluster::faults::{FaultPlan, Faults};
use genesis_operator::{Config, Ports};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::host::{Host, Restart};
use super::played::{PlayedGateway, PlayedInference, PlayedNode};
use super::scenario::Scenario;

/// Longest wait for something to happen.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// A run of a scenario.
pub struct Stage {
    /// The played gateway.
    pub gateway: Arc<PlayedGateway>,
    /// The played inference servers.
    pub inference: Arc<PlayedInference>,
    /// A client without faults.
    pub client: Client,
    /// Address of the operator's internal server.
    pub operator: SocketAddr,
    /// What the operator's client met.
    pub faults: Faults,
    /// The artifact store.
    pub store: Store,
    shutdown: CancellationToken,
    node: JoinHandle<()>,
    running: JoinHandle<Result<()>>,
    _folder: Folder,
}

impl Stage {
    /// Begins, with these faults between the operator and its API.
    pub async fn begin(scenario: Scenario, plan: FaultPlan) -> Result<Self> {
        Self::with(scenario, plan, Restart::Fresh, model).await
    }

    /// The same, with another model, and with what an operator sees that takes the place of one that crashed.
    pub async fn with(
        scenario: Scenario,
        plan: FaultPlan,
        restart: Restart,
        model: impl FnOnce(&Store) -> Result<Value>,
    ) -> Result<Self> {
        let folder = Folder::make()?;
        let store = Store::at(&folder.0)?;
        let cluster = Cluster::in_memory()?;
        let client = cluster.client();
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        for definition in genesis_api::crds() {
            definitions.create(&PostParams::default(), &definition).await?;
        }
        let gateway = Arc::new(PlayedGateway::new(client.clone(), store.clone(), scenario.live_quality()));
        let inference = Arc::new(PlayedInference::default());
        let faults = Faults::new(plan);
        let shutdown = CancellationToken::new();
        let host = Host {
            cluster,
            faults: faults.clone(),
            restart,
            config: Config {
                listen: (Ipv4Addr::LOCALHOST, 0).into(),
                service_token: "a-secret-of-the-stage".into(),
                poll: Duration::from_millis(100),
                ..Config::default()
            },
            ports: Ports { gateway: Some(gateway.clone()), inference: inference.clone() },
            shutdown: shutdown.clone(),
        };
        let (operator, running) = host.start().await?;
        let node = PlayedNode { client: client.clone(), store: store.clone(), gain: scenario.gain() };
        let node = tokio::spawn(node.play());
        let kind = ApiResource::erase::<GenesisModel>(&());
        let mut object = DynamicObject::new("coder", &kind);
        object.data["spec"] = model(&store)?;
        let models = Api::<DynamicObject>::namespaced_with(client.clone(), "default", &kind);
        models.create(&PostParams::default(), &object).await?;
        Ok(Self { gateway, inference, client, operator, faults, store, shutdown, node, running, _folder: folder })
    }

    /// An object, once it is like this.
    pub async fn wait<K>(&self, name: &str, like: impl Fn(&K) -> bool) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api = Api::<K>::namespaced(self.client.clone(), "default");
        let begun = Instant::now();
        loop {
            let found = api.get_opt(name).await?;
            match found {
                Some(object) if like(&object) => return Ok(object),
                found if begun.elapsed() > PATIENCE => bail!("{} {name} did not get there: {found:#?}", K::kind(&())),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Whether the operator has ended although nobody asked for it.
    pub fn has_ended(&self) -> bool {
        self.running.is_finished()
    }

    /// Ends the operator, and sees that it ends when it is asked to.
    pub async fn end(self) -> Result<()> {
        self.node.abort();
        self.shutdown.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.running).await;
        ended.context("the operator stops when it is asked to")??
    }
}

/// The spec of the model of the scenarios.
pub fn model(store: &Store) -> Result<Value> {
    let steps = json!([
        { "weight": 10, "minRequests": 5, "minSeconds": 0 },
        { "weight": 100, "minRequests": 5, "minSeconds": 0 },
    ]);
    Ok(json!({
        "baseModel": { "uri": "builtin://seedling" },
        "servedModelName": "coder",
        "storage": { "uri": store.uri() },
        "trainingTemplate": { "ttlSecondsAfterFinished": 0 },
        "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
        "rolloutTemplate": { "steps": steps },
    }))
}

/// A folder that goes with the stage.
struct Folder(std::path::PathBuf);

impl Folder {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("genesis-stage-{}", rand::random::<u64>()));
        std::fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in a folder for temporary files hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
