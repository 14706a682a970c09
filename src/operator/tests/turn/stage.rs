use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use genesis_api::names::{Role, pod_selector};
use genesis_api::{Evaluation, GenesisModel, GenesisModelStatus, Rollout, RolloutStatus, TrainingRun};
use genesis_artifacts::Store;
use genesis_minicluster::cluster::Cluster;
use genesis_operator::{Config, Operator, Ports};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::gateway::PlayedGateway;
use crate::inference::PlayedInference;
use crate::node::PlayedNode;

/// Longest wait for something to happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A cluster with one model, and an operator that looks after it.
pub struct Stage {
    pub gateway: Arc<PlayedGateway>,
    pub inference: Arc<PlayedInference>,
    client: Client,
    operator: SocketAddr,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    running: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Begins with a model whose candidates will all gain this much.
    pub async fn begin(gain: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let client = Cluster::in_memory().unwrap().client();
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        for definition in genesis_api::crds() {
            definitions.create(&PostParams::default(), &definition).await.unwrap();
        }
        let gateway = Arc::new(PlayedGateway::new(client.clone(), store.clone()));
        let inference = Arc::new(PlayedInference::default());
        let config = Config {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            service_token: "secret".into(),
            poll: Duration::from_millis(100),
            ..Config::default()
        };
        let ports = Ports { gateway: Some(gateway.clone()), inference: inference.clone() };
        let shutdown = CancellationToken::new();
        let operator = Operator::bind(client.clone(), config, ports, shutdown.clone()).await.unwrap();
        let address = operator.address();
        let running = tokio::spawn(async move { operator.run().await.unwrap() });
        let node = PlayedNode { client: client.clone(), store: store.clone(), gain };
        let tasks = vec![tokio::spawn(node.play())];
        Api::<GenesisModel>::namespaced(client.clone(), "default")
            .create(&PostParams::default(), &model(&store))
            .await
            .unwrap();
        Self { gateway, inference, client, operator: address, shutdown, tasks, running, _folder: folder }
    }

    /// The model, once its status is like this.
    pub async fn model_with(&self, like: impl Fn(&GenesisModelStatus) -> bool) -> GenesisModel {
        self.wait("coder", |model: &GenesisModel| model.status.as_ref().is_some_and(&like)).await
    }

    /// A Rollout, once its status is like this.
    pub async fn rollout(&self, name: &str, like: impl Fn(&RolloutStatus) -> bool) -> Rollout {
        self.wait(name, |rollout: &Rollout| rollout.status.as_ref().is_some_and(&like)).await
    }

    /// An Evaluation, once it is there.
    pub async fn evaluation(&self, name: &str) -> Evaluation {
        self.wait(name, |_| true).await
    }

    /// A TrainingRun, once it is there.
    pub async fn run(&self, name: &str) -> TrainingRun {
        self.wait(name, |_| true).await
    }

    /// Waits for an event. Events are written after the status that they tell of.
    pub async fn event(&self, reason: &str) {
        let events = Api::<Event>::namespaced(self.client.clone(), "default");
        let begun = Instant::now();
        loop {
            let found = events.list(&ListParams::default()).await.unwrap();
            if found.iter().any(|event| event.reason.as_deref() == Some(reason)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no event {reason}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Deletes the pods of a role; new ones take their place.
    pub async fn restart(&self, role: Role) {
        let pods = Api::<Pod>::namespaced(self.client.clone(), "default");
        let selected = ListParams::default().labels(&pod_selector("coder", role));
        pods.delete_collection(&DeleteParams::default().grace_period(0), &selected).await.unwrap();
    }

    /// Reports an event with a token; the HTTP status of the answer.
    pub async fn report(&self, kind: &str, name: &str, token: &str) -> u16 {
        let event = json!({ "event": "started", "total_steps": 1, "resumed_from": 0 });
        self.post(kind, name, token, &event.to_string()).await.0
    }

    /// Posts a body in an event's place; the HTTP status and body of the answer.
    pub async fn post(&self, kind: &str, name: &str, token: &str, body: &str) -> (u16, Value) {
        let url = format!("http://{}/internal/v1/jobs/{kind}/default/{name}", self.operator);
        let request = reqwest::Client::new().post(url).bearer_auth(token).header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// The token in a Secret, once it is there.
    pub async fn token(&self, secret: &str) -> String {
        let secret: Secret = self.wait(secret, |secret: &Secret| secret.data.is_some()).await;
        String::from_utf8(secret.data.unwrap().remove("token").unwrap().0).unwrap()
    }

    /// Waits until all Jobs are gone: what they were made for has ended, and they were given no time after that.
    pub async fn no_jobs(&self) {
        let jobs = Api::<Job>::namespaced(self.client.clone(), "default");
        let begun = Instant::now();
        while !jobs.list(&ListParams::default()).await.unwrap().items.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "there are still Jobs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the operator, and sees that it ends.
    pub async fn end(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.running)
            .await
            .expect("it stops when it is asked to")
            .unwrap();
    }

    async fn wait<K>(&self, name: &str, like: impl Fn(&K) -> bool) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api = Api::<K>::namespaced(self.client.clone(), "default");
        let begun = Instant::now();
        loop {
            let found = api.get_opt(name).await.unwrap();
            match found {
                Some(object) if like(&object) => return object,
                found => assert!(begun.elapsed() < PATIENCE, "{} {name} did not get there: {found:#?}", K::kind(&())),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn model(store: &Store) -> GenesisModel {
    let steps = json!([
        { "weight": 10, "minRequests": 5, "minSeconds": 0 },
        { "weight": 100, "minRequests": 5, "minSeconds": 0 },
    ]);
    let spec = json!({
        "baseModel": { "uri": "builtin://seedling" },
        "servedModelName": "coder",
        "storage": { "uri": store.uri() },
        "trainingTemplate": { "ttlSecondsAfterFinished": 0 },
        "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
        "rolloutTemplate": { "steps": steps },
    });
    GenesisModel::new("coder", serde_json::from_value(spec).unwrap())
}
