use std::fmt::Debug;

use clap::Parser;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_kubectl::{Arguments, Ending, Session};
use genesis_minicluster::cluster::Cluster;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A cluster with the definitions and one model.
pub struct Stage {
    client: Client,
    _cluster: Cluster,
}

impl Stage {
    /// A cluster that knows nothing of Genesis.
    pub fn bare() -> Self {
        let cluster = Cluster::in_memory().unwrap();
        Self { client: cluster.client(), _cluster: cluster }
    }

    pub async fn begin() -> Self {
        let stage = Self::bare();
        let definitions = Api::<CustomResourceDefinition>::all(stage.client.clone());
        for definition in genesis_api::crds() {
            definitions.create(&PostParams::default(), &definition).await.unwrap();
        }
        let team: Namespace = serde_json::from_value(json!({ "metadata": { "name": "team" } })).unwrap();
        Api::<Namespace>::all(stage.client.clone()).create(&PostParams::default(), &team).await.unwrap();
        let spec = json!({
            "baseModel": { "uri": "builtin://seedling" }, "servedModelName": "coder", "storage": { "uri": "file:///store" },
            "evaluationTemplate": { "suites": suites() },
        });
        stage.create::<GenesisModel>("GenesisModel", "coder", spec, &[]).await;
        stage
    }

    /// Runs a command line; gives how it ended with what it wrote, or its error.
    pub async fn run(&self, line: &str) -> Result<(Ending, String), String> {
        let words = ["kubectl-genesis"].into_iter().chain(line.split(' '));
        let arguments = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
        let session = Session { client: self.client.clone(), namespace: "team".into(), coloured: false };
        let mut out = Vec::new();
        let ended = genesis_kubectl::run(arguments.command, async || Ok(session), &mut out).await;
        ended.map(|ending| (ending, String::from_utf8(out).unwrap())).map_err(|error| format!("{error:#}"))
    }

    pub async fn get<K: Kind>(&self, name: &str) -> K {
        self.api::<K>().get(name).await.unwrap()
    }

    /// Writes a status as the operator would: it has seen the spec of now.
    pub async fn status<K: Kind>(&self, name: &str, mut status: Value) {
        let generation = self.get::<K>(name).await.meta().generation;
        status["observedGeneration"] = json!(generation);
        let patch = Patch::Merge(json!({ "status": status }));
        self.api::<K>().patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }

    pub async fn rollout(&self, name: &str) {
        let spec = json!({ "modelRef": { "name": "coder" }, "candidate": adapter('c') });
        self.create::<Rollout>("Rollout", name, spec, &[]).await;
    }

    pub async fn evaluation(&self, name: &str, status: Value) {
        let spec = json!({
            "modelRef": { "name": "coder" }, "storage": { "uri": "file:///store" }, "candidate": adapter('c'),
            "suites": suites(),
        });
        self.create::<Evaluation>("Evaluation", name, spec, &[]).await;
        self.status::<Evaluation>(name, status).await;
    }

    pub async fn training_run(&self, name: &str, more: Value, annotations: &[(&str, &str)]) {
        let mut spec = json!({
            "modelRef": { "name": "coder" }, "baseModel": { "uri": "builtin://seedling" },
            "storage": { "uri": "file:///store" },
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.create::<TrainingRun>("TrainingRun", name, spec, annotations).await;
    }

    async fn create<K: Kind>(&self, kind: &str, name: &str, spec: Value, annotations: &[(&str, &str)]) {
        let annotations: serde_json::Map<String, Value> =
            annotations.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let object = json!({
            "apiVersion": "genesis.truth.si/v1alpha1", "kind": kind,
            "metadata": { "name": name, "annotations": annotations }, "spec": spec,
        });
        let object: K = serde_json::from_value(object).unwrap();
        self.api::<K>().create(&PostParams::default(), &object).await.unwrap();
    }

    fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), "team")
    }
}

/// One of the four kinds.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub fn digest(fill: char) -> String {
    format!("sha256:{}", fill.to_string().repeat(64))
}

pub fn adapter(fill: char) -> Value {
    json!({ "uri": format!("file:///store/adapters/{fill}"), "digest": digest(fill) })
}

fn suites() -> Value {
    json!([{ "name": "sealed", "uri": "store://suites/sealed" }])
}

/// The status of a model whose second adapter has replaced its first.
pub fn two_champions() -> Value {
    let served = |fill: char, revision: i64| {
        json!({
            "name": format!("coder-{fill}"), "uri": format!("file:///store/adapters/{fill}"), "digest": digest(fill),
            "revision": revision,
        })
    };
    let past = |fill: char, revision: i64| json!({ "revision": revision, "outcome": "Promoted", "adapter": adapter(fill), "message": "" });
    json!({
        "currentAdapter": served('b', 2), "previousAdapter": served('a', 1), "revision": 2,
        "history": [past('b', 2), past('a', 1)],
    })
}

/// The status of a model whose candidate passed and awaits a person.
pub fn awaiting_approval(revision: i64) -> Value {
    json!({
        "revision": revision, "learning": { "verifiedRows": 9 },
        "candidateAdapter": {
            "name": "coder-c", "uri": "file:///store/adapters/c", "digest": digest('c'), "revision": revision,
        },
        "conditions": [{
            "type": "LoopActive", "status": "True", "reason": "AwaitingApproval", "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    })
}
