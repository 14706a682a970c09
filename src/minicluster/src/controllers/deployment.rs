//! Deployment → ReplicaSets: one for each template, scaled by the strategy.

mod rollout;
mod status;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    core::Selector,
    runtime::{Controller, controller::Action, watcher},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use self::rollout::{Scale, Strategy, plan};
use super::common::{ReconcileError, Shared, controlled_by, controller_uid, drive, ignore_gone, retry};

/// Label that tells the pods of one template from those of another.
const HASH_LABEL: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Runs the controller.
pub async fn run(client: Client) {
    let shared = Arc::new(Shared { client: client.clone(), options: super::ControllerOptions::default() });
    let controller = Controller::new(Api::<Deployment>::all(client.clone()), watcher::Config::default())
        .owns(Api::<ReplicaSet>::all(client), watcher::Config::default());
    drive("deployments", controller.run(reconcile, retry, shared)).await;
}

async fn reconcile(seen: Arc<Deployment>, shared: Arc<Shared>) -> Result<Action, ReconcileError> {
    let namespace = seen.namespace().unwrap_or_default();
    let deployments: Api<Deployment> = Api::namespaced(shared.client.clone(), &namespace);
    let Some(deployment) = deployments.get_opt(&seen.name_any()).await? else { return Ok(Action::await_change()) };
    if deployment.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let sets: Api<ReplicaSet> = Api::namespaced(shared.client.clone(), &namespace);
    let mut owned = owned_sets(&sets, &deployment).await?;
    let hash = template_hash(&deployment);
    let paused = deployment.spec.as_ref().and_then(|s| s.paused) == Some(true);
    if !paused && !owned.iter().any(|set| hash_of(set) == Some(hash.as_str())) {
        let set = new_set(&deployment, &hash, &owned);
        match sets.create(&PostParams::default(), &set).await {
            Ok(created) => owned.push(created),
            // An earlier, interrupted pass created it.
            Err(kube::Error::Api(status)) if status.is_already_exists() => return Ok(soon()),
            Err(error) => return Err(error.into()),
        }
    }
    let strategy = Strategy::of(&deployment);
    if !paused {
        let scales: Vec<Scale> = owned.iter().map(|set| Scale::of(set, hash_of(set) == Some(hash.as_str()))).collect();
        for (set, replicas) in owned.iter().zip(plan(&strategy, &scales)) {
            if set.spec.as_ref().and_then(|s| s.replicas) != Some(replicas) {
                let patch = json!({
                    "metadata": { "resourceVersion": set.resource_version() }, "spec": { "replicas": replicas },
                });
                sets.patch(&set.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
            }
        }
        clean_up(&sets, &deployment, &owned, &hash).await?;
    }
    let status = status::status(&deployment, &owned, &hash, &strategy, Timestamp::now());
    if deployment.status.as_ref() != Some(&status) {
        let updated = Deployment { status: Some(status), ..deployment.clone() };
        deployments.replace_status(&deployment.name_any(), &PostParams::default(), &updated).await?;
    }
    note_revision(&deployments, &deployment, &owned, &hash).await?;
    Ok(status::next_look(&deployment, &owned, &hash).map_or_else(Action::await_change, Action::requeue))
}

fn soon() -> Action {
    Action::requeue(Duration::from_millis(50))
}

async fn owned_sets(sets: &Api<ReplicaSet>, deployment: &Deployment) -> Result<Vec<ReplicaSet>, ReconcileError> {
    let selector = deployment.spec.as_ref().map(|s| s.selector.clone()).unwrap_or_default();
    let selector: Selector =
        selector.try_into().map_err(|e: kube::core::ParseExpressionError| ReconcileError::Selector(e.to_string()))?;
    let found = sets.list(&ListParams::default().labels_from(&selector)).await?;
    let uid = deployment.uid().unwrap_or_default();
    Ok(found.items.into_iter().filter(|set| controller_uid(set) == Some(uid.as_str())).collect())
}

/// Hash of the pod template: ten characters of the alphabet of generated names.
fn template_hash(deployment: &Deployment) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let template = deployment.spec.as_ref().map(|s| json!(s.template)).unwrap_or_default();
    let digest = Sha256::digest(template.to_string().as_bytes());
    digest.iter().take(10).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

fn hash_of(set: &ReplicaSet) -> Option<&str> {
    set.labels().get(HASH_LABEL).map(String::as_str)
}

fn revision_of(set: &ReplicaSet) -> i64 {
    set.annotations().get(REVISION).and_then(|r| r.parse().ok()).unwrap_or_default()
}

fn new_set(deployment: &Deployment, hash: &str, others: &[ReplicaSet]) -> ReplicaSet {
    let spec = deployment.spec.clone().unwrap_or_default();
    let with_hash = |labels: Option<BTreeMap<String, String>>| {
        let mut labels = labels.unwrap_or_default();
        labels.insert(HASH_LABEL.to_owned(), hash.to_owned());
        Some(labels)
    };
    let mut template = spec.template;
    let mut metadata = template.metadata.unwrap_or_default();
    metadata.labels = with_hash(metadata.labels);
    let labels = metadata.labels.clone();
    template.metadata = Some(metadata);
    let mut selector = spec.selector;
    selector.match_labels = with_hash(selector.match_labels);
    let revision = others.iter().map(revision_of).max().unwrap_or_default() + 1;
    ReplicaSet {
        metadata: ObjectMeta {
            name: Some(format!("{}-{hash}", deployment.name_any())),
            namespace: deployment.namespace(),
            labels,
            annotations: Some(BTreeMap::from([(REVISION.to_owned(), revision.to_string())])),
            owner_references: Some(controlled_by(deployment)),
            ..ObjectMeta::default()
        },
        spec: Some(ReplicaSetSpec {
            replicas: Some(0),
            min_ready_seconds: spec.min_ready_seconds,
            selector,
            template: Some(template),
        }),
        status: None,
    }
}

/// Deletes old, empty sets beyond `revisionHistoryLimit`.
async fn clean_up(
    sets: &Api<ReplicaSet>,
    deployment: &Deployment,
    owned: &[ReplicaSet],
    hash: &str,
) -> Result<(), kube::Error> {
    let limit = deployment.spec.as_ref().and_then(|s| s.revision_history_limit).unwrap_or(10);
    let empty = |set: &&ReplicaSet| {
        set.spec.as_ref().and_then(|s| s.replicas) == Some(0) && set.status.as_ref().is_none_or(|s| s.replicas == 0)
    };
    let mut old: Vec<_> = owned.iter().filter(|set| hash_of(set) != Some(hash)).filter(empty).collect();
    old.sort_by_key(|set| revision_of(set));
    let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for set in &old[..surplus] {
        ignore_gone(sets.delete(&set.name_any(), &DeleteParams::background()).await)?;
    }
    Ok(())
}

/// Keeps the revision annotations: the current template has the highest number.
async fn note_revision(
    deployments: &Api<Deployment>,
    deployment: &Deployment,
    owned: &[ReplicaSet],
    hash: &str,
) -> Result<(), kube::Error> {
    let Some(current) = owned.iter().find(|set| hash_of(set) == Some(hash)) else { return Ok(()) };
    let highest_other =
        owned.iter().filter(|set| hash_of(set) != Some(hash)).map(revision_of).max().unwrap_or_default();
    let revision = revision_of(current).max(highest_other + i64::from(revision_of(current) <= highest_other));
    let patch = json!({ "metadata": { "annotations": { REVISION: revision.to_string() } } });
    let parameters = PatchParams::default();
    if revision_of(current) != revision {
        let sets: Api<ReplicaSet> =
            Api::namespaced(deployments.clone().into_client(), &deployment.namespace().unwrap_or_default());
        sets.patch(&current.name_any(), &parameters, &Patch::Merge(&patch)).await?;
    }
    if deployment.annotations().get(REVISION) != Some(&revision.to_string()) {
        deployments.patch(&deployment.name_any(), &parameters, &Patch::Merge(&patch)).await?;
    }
    Ok(())
}
