//! What the workload controllers share.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::Pod,
    apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference},
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, ListParams, Preconditions},
    core::{Expression, Selector},
    runtime::controller::Action,
};

/// Why a reconciliation is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The API refused or could not be reached.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// A selector does not parse; the API should not have let it in.
    #[error("cannot use the selector: {0}")]
    Selector(String),
}

/// Shared by the reconciliations of one controller.
#[derive(Clone)]
pub struct Shared {
    /// Client of the API.
    pub client: Client,
    /// Timings.
    pub options: super::ControllerOptions,
}

/// A failed reconciliation is repeated soon: conflicts are the usual reason.
pub fn retry<K>(_: Arc<K>, error: &ReconcileError, _: Arc<Shared>) -> Action {
    tracing::debug!(%error, "a reconciliation is repeated");
    Action::requeue(Duration::from_millis(200))
}

/// Runs a controller's stream to its end, logging what goes wrong.
pub async fn drive<T, E: std::fmt::Display>(name: &str, stream: impl Stream<Item = Result<T, E>>) {
    let mut stream = std::pin::pin!(stream);
    while let Some(result) = stream.next().await {
        if let Err(error) = result {
            tracing::debug!(controller = name, %error, "reconciliation failed");
        }
    }
}

/// The pods that `owner` controls, found by its selector.
pub async fn owned_pods<K>(client: &Client, owner: &K, selector: &LabelSelector) -> Result<Vec<Pod>, ReconcileError>
where
    K: Resource<DynamicType = ()>,
{
    let selector: Selector = selector
        .clone()
        .try_into()
        .map_err(|e: kube::core::ParseExpressionError| ReconcileError::Selector(e.to_string()))?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &owner.namespace().unwrap_or_default());
    let found = pods.list(&ListParams::default().labels_from(&selector)).await?;
    let uid = owner.uid().unwrap_or_default();
    Ok(found.items.into_iter().filter(|pod| controller_uid(pod) == Some(uid.as_str())).collect())
}

/// The uid of an object's controller.
pub fn controller_uid<K: Resource>(object: &K) -> Option<&str> {
    let owners = object.meta().owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

/// A reference that makes `owner` the controller and holds back its deletion in the foreground.
pub fn controlled_by<K: Resource<DynamicType = ()>>(owner: &K) -> Vec<OwnerReference> {
    let reference = owner.controller_owner_ref(&());
    reference.map(|r| OwnerReference { block_owner_deletion: Some(true), ..r }).into_iter().collect()
}

/// Deletes a pod unless another one has taken its name. Its absence is what is wanted.
pub async fn delete_pod(pods: &Api<Pod>, pod: &Pod) -> Result<(), kube::Error> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions { uid: pod.uid(), ..Preconditions::default() }),
        ..DeleteParams::background()
    };
    ignore_gone(pods.delete(&pod.name_any(), &parameters).await)
}

/// Takes "not found" and "another object has this name" for success.
pub fn ignore_gone<T>(result: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}

/// A pod's phase, `Pending` where it has none.
pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Pending")
}

/// Whether a pod has ended.
pub fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether a pod is on its way out.
pub fn is_deleting(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Since when a pod has been ready.
pub fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let ready = conditions.iter().find(|c| c.type_ == "Ready" && c.status == "True")?;
    Some(ready.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |t| t.0))
}

/// Requirement that a label exists.
pub fn exists(label: &str) -> Selector {
    Expression::Exists(label.to_owned()).into()
}
