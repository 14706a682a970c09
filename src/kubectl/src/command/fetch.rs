//! Reading objects, with errors that say what to do.

use std::fmt::Debug;

use anyhow::{Context, Result, anyhow};
use genesis_api::names::MODEL_LABEL;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use k8s_openapi::NamespaceResourceScope;
use kube::api::ListParams;
use kube::{Api, Client, Error, Resource};
use serde::de::DeserializeOwned;

use super::Session;
use crate::family::Objects;
use crate::kind::{Kind, Target};

/// A namespaced kind that can be read.
pub(crate) trait Readable:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned
{
}

impl<K> Readable for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned
{
}

impl Session {
    /// The API of a kind in the namespace.
    pub(super) fn api<K: Readable>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// One object, where it exists.
    pub(super) async fn find<K: Readable>(&self, name: &str) -> Result<Option<K>> {
        self.api().get_opt(name).await.map_err(|error| explained(error, &K::plural(&())))
    }

    /// One object that must exist.
    pub(super) async fn get<K: Readable>(&self, name: &str) -> Result<K> {
        self.find(name).await?.ok_or_else(|| {
            let (kind, plural, namespace) = (K::kind(&()), K::plural(&()), &self.namespace);
            anyhow!("there is no {kind} {name} in namespace {namespace}; `kubectl get {plural} -A` lists them")
        })
    }

    /// The kind of what is named. A name alone may be of any kind, but of one only.
    pub(super) async fn kind_of(&self, target: &Target) -> Result<Kind> {
        if let Some(kind) = target.kind {
            return Ok(kind);
        }
        if self.find::<GenesisModel>(&target.name).await?.is_some() {
            return Ok(Kind::Model);
        }
        let mut found = Vec::new();
        found.extend(self.find::<Rollout>(&target.name).await?.map(|_| Kind::Rollout));
        found.extend(self.find::<Evaluation>(&target.name).await?.map(|_| Kind::Evaluation));
        found.extend(self.find::<TrainingRun>(&target.name).await?.map(|_| Kind::TrainingRun));
        match found.as_slice() {
            [kind] => Ok(*kind),
            [] => Err(anyhow!(
                "nothing of Genesis is called {} in namespace {}; `kubectl genesis list -A` lists the models",
                target.name,
                self.namespace
            )),
            many => {
                let names: Vec<String> =
                    many.iter().map(|kind| format!("{}/{}", kind.to_string().to_lowercase(), target.name)).collect();
                Err(anyhow!("{} is the name of several objects; write {}", target.name, names.join(" or ")))
            }
        }
    }

    /// All that a tree is made of, of this namespace or of all.
    pub(super) async fn objects(&self, everywhere: bool) -> Result<Objects> {
        let namespace = (!everywhere).then_some(self.namespace.as_str());
        let (client, all) = (&self.client, ListParams::default());
        let of_models = ListParams::default().labels(MODEL_LABEL);
        Ok(Objects {
            models: list(client, namespace, &all).await?,
            runs: list(client, namespace, &all).await?,
            evaluations: list(client, namespace, &all).await?,
            rollouts: list(client, namespace, &all).await?,
            jobs: unless_forbidden(list(client, namespace, &all).await)?,
            pods: unless_forbidden(list(client, namespace, &of_models).await)?,
        })
    }
}

/// Objects of a kind, of one namespace or of all.
pub(crate) async fn list<K: Readable>(
    client: &Client,
    namespace: Option<&str>,
    parameters: &ListParams,
) -> Result<Vec<K>> {
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    Ok(api.list(parameters).await.map_err(|error| explained(error, &K::plural(&())))?.items)
}

/// Who may see the four kinds but not their Jobs and pods sees a tree without these.
fn unless_forbidden<K>(listed: Result<Vec<K>>) -> Result<Vec<K>> {
    let forbidden =
        |error: &anyhow::Error| matches!(error.downcast_ref(), Some(Error::Api(status)) if status.code == 403);
    match listed {
        Err(error) if forbidden(&error) => Ok(Vec::new()),
        other => other,
    }
}

/// What the server refused, with the way out.
pub(crate) fn explained(error: Error, plural: &str) -> anyhow::Error {
    let hint = match &error {
        Error::Api(status) if status.code == 403 => {
            format!("you may not use {plural} here; `kubectl genesis check` shows what is missing")
        }
        Error::Api(status) if status.code == 404 => {
            format!("this cluster does not know {plural}; install the definitions: `genesis crds | kubectl apply -f -`")
        }
        Error::Api(status) if status.code == 401 => "your credentials are not accepted; log in again".to_owned(),
        Error::Api(_) => format!("the server refused {plural}"),
        _ => "the Kubernetes API does not answer; see --context and --kubeconfig".to_owned(),
    };
    Err::<(), _>(error).context(hint).err().unwrap_or_else(|| anyhow!("the server refused {plural}"))
}
