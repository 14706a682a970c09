//! One request of a sequence.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use http::{Method, Request};
use kube::Client;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::answer::Answer;

/// The kinds that are asked for: one that is built in, one that a definition brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ConfigMap,
    Model,
}

/// Which resourceVersion a write names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Newest,
    Stale,
    None,
}

/// What is asked. Numbers become part of the object, so that a write changes something.
#[derive(Clone, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Step {
    Create { kind: Kind, name: &'static str, number: i64 },
    Invalid { kind: Kind, name: &'static str },
    Get { kind: Kind, name: &'static str },
    List { kind: Kind, label: Option<&'static str> },
    Replace { kind: Kind, name: &'static str, number: i64, version: Version },
    Merge { kind: Kind, name: &'static str, number: i64 },
    Apply { kind: Kind, name: &'static str, number: i64, manager: &'static str, force: bool },
    Status { name: &'static str, number: i64 },
    Finalize { kind: Kind, name: &'static str, held: bool },
    Delete { kind: Kind, name: &'static str, version: Version },
}

const NAMES: [&str; 3] = ["a", "b", "c"];
const LABELS: [&str; 2] = ["one", "two"];

impl Step {
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let kind = if rng.random_bool(0.5) { Kind::ConfigMap } else { Kind::Model };
        let name = NAMES.choose(rng).copied().unwrap_or("a");
        let number = rng.random_range(1..=3);
        let version = [Version::Newest, Version::Stale, Version::None][rng.random_range(0..3)];
        match rng.random_range(0..14) {
            0..=2 => Self::Create { kind, name, number },
            3 => Self::Invalid { kind, name },
            4 => Self::Get { kind, name },
            5 => Self::List { kind, label: rng.random_bool(0.5).then(|| LABELS[rng.random_range(0..2)]) },
            6 => Self::Replace { kind, name, number, version },
            7 => Self::Merge { kind, name, number },
            8 | 9 => {
                let manager = ["left", "right"][rng.random_range(0..2)];
                Self::Apply { kind, name, number, manager, force: rng.random_bool(0.3) }
            }
            10 | 11 => Self::Status { name, number },
            12 => Self::Finalize { kind, name, held: rng.random_bool(0.5) },
            _ => Self::Delete { kind, name, version },
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.into()
    }
}

/// What one server has answered so far: the versions that later requests name.
#[derive(Clone, Debug)]
pub(super) struct Script {
    namespace: String,
    /// By path of the object: the version before the newest, and the newest.
    versions: BTreeMap<String, (String, String)>,
}

impl Script {
    pub(super) fn new(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), versions: BTreeMap::new() }
    }

    fn collection(&self, kind: Kind) -> String {
        match kind {
            Kind::ConfigMap => format!("/api/v1/namespaces/{}/configmaps", self.namespace),
            Kind::Model => format!("/apis/genesis.truth.si/v1alpha1/namespaces/{}/genesismodels", self.namespace),
        }
    }

    fn version(&self, path: &str, version: Version) -> Option<String> {
        let (stale, newest) = self.versions.get(path)?;
        match version {
            Version::Newest => Some(newest.clone()),
            Version::Stale => Some(stale.clone()),
            Version::None => None,
        }
    }

    /// Sends the request.
    pub(super) async fn play(self, client: &Client, step: &Step) -> Result<Value> {
        let json = "application/json";
        match step {
            Step::Create { kind, name, number } => {
                let body = object(*kind, name, *number);
                send(client, Method::POST, &strict(&self.collection(*kind)), json, &body).await
            }
            Step::Invalid { kind, name } => {
                let mut body = object(*kind, name, 1);
                match kind {
                    Kind::ConfigMap => body["metadata"]["name"] = json!("Not A Name"),
                    Kind::Model => body["spec"]["baseModel"]["uri"] = json!("ftp://models"),
                }
                send(client, Method::POST, &strict(&self.collection(*kind)), json, &body).await
            }
            Step::Get { kind, name } => {
                let path = format!("{}/{name}", self.collection(*kind));
                send(client, Method::GET, &path, json, &Value::Null).await
            }
            Step::List { kind, label } => {
                let selector = label.map_or_else(String::new, |label| format!("?labelSelector=l%3D{label}"));
                send(client, Method::GET, &format!("{}{selector}", self.collection(*kind)), json, &Value::Null).await
            }
            Step::Replace { kind, name, number, version } => {
                let path = format!("{}/{name}", self.collection(*kind));
                let mut body = object(*kind, name, *number);
                if let Some(version) = self.version(&path, *version) {
                    body["metadata"]["resourceVersion"] = json!(version);
                }
                send(client, Method::PUT, &strict(&path), json, &body).await
            }
            Step::Merge { kind, name, number } => {
                let path = format!("{}/{name}", self.collection(*kind));
                let body = json!({ "metadata": { "labels": { "l": LABELS[*number as usize % 2] } } });
                send(client, Method::PATCH, &path, "application/merge-patch+json", &body).await
            }
            Step::Apply { kind, name, number, manager, force } => {
                let path = format!("{}/{name}?fieldManager={manager}&force={force}", self.collection(*kind));
                send(client, Method::PATCH, &path, "application/apply-patch+yaml", &object(*kind, name, *number)).await
            }
            Step::Status { name, number } => {
                let path = format!("{}/{name}/status", self.collection(Kind::Model));
                let body = json!({ "status": { "observedGeneration": number }, "spec": { "suspend": true } });
                send(client, Method::PATCH, &path, "application/merge-patch+json", &body).await
            }
            Step::Finalize { kind, name, held } => {
                let path = format!("{}/{name}", self.collection(*kind));
                let finalizers = if *held { json!(["genesis.truth.si/held"]) } else { json!(null) };
                let body = json!({ "metadata": { "finalizers": finalizers } });
                send(client, Method::PATCH, &path, "application/merge-patch+json", &body).await
            }
            Step::Delete { kind, name, version } => {
                let path = format!("{}/{name}", self.collection(*kind));
                let mut body =
                    json!({ "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background" });
                if let Some(version) = self.version(&path, *version) {
                    body["preconditions"] = json!({ "resourceVersion": version });
                }
                send(client, Method::DELETE, &path, json, &body).await
            }
        }
    }

    /// Remembers the versions of an answer; what of it must be the same on both servers.
    pub(super) fn note(&mut self, step: &Step, answer: Value) -> Answer {
        let kind = match step {
            Step::Create { kind, .. }
            | Step::Invalid { kind, .. }
            | Step::Get { kind, .. }
            | Step::List { kind, .. }
            | Step::Replace { kind, .. }
            | Step::Merge { kind, .. }
            | Step::Apply { kind, .. }
            | Step::Finalize { kind, .. }
            | Step::Delete { kind, .. } => *kind,
            Step::Status { .. } => Kind::Model,
        };
        let metadata = &answer["metadata"];
        if let (Some(name), Some(version)) = (metadata["name"].as_str(), metadata["resourceVersion"].as_str()) {
            let path = format!("{}/{name}", self.collection(kind));
            let newest = version.to_owned();
            let versions = self.versions.entry(path).or_insert_with(|| (newest.clone(), newest.clone()));
            if versions.1 != newest {
                *versions = (std::mem::take(&mut versions.1), newest);
            }
        }
        Answer::of(answer)
    }
}

fn strict(path: &str) -> String {
    format!("{path}?fieldValidation=Strict&fieldManager=test")
}

fn object(kind: Kind, name: &str, number: i64) -> Value {
    let labels = json!({ "l": LABELS[number as usize % 2] });
    match kind {
        Kind::ConfigMap => json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name, "labels": labels },
            "data": { "number": number.to_string() },
        }),
        Kind::Model => json!({
            "apiVersion": "genesis.truth.si/v1alpha1",
            "kind": "GenesisModel",
            "metadata": { "name": name, "labels": labels },
            "spec": {
                "baseModel": { "uri": "builtin://seedling" },
                "servedModelName": "coder",
                "storage": { "uri": "file:///store" },
                "triggers": { "minNewLearnings": number },
                "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
            },
        }),
    }
}

async fn send(client: &Client, method: Method, path: &str, kind: &str, body: &Value) -> Result<Value> {
    let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
    let request = Request::builder().method(method).uri(path).header("content-type", kind).body(bytes)?;
    match client.request::<Value>(request).await {
        Ok(answer) => Ok(answer),
        Err(kube::Error::Api(status)) => Ok(serde_json::to_value(&*status)?),
        Err(error) => Err(error).with_context(|| path.to_owned()),
    }
}

/// Makes the namespace of a sequence.
pub(super) async fn namespace(client: &Client, name: &str) -> Result<()> {
    let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let answer = send(client, Method::POST, "/api/v1/namespaces", "application/json", &body).await?;
    anyhow::ensure!(answer["metadata"]["name"] == name, "the namespace was not made: {answer}");
    Ok(())
}
