//! ReplicaSet → Pods.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{ReplicaSet, ReplicaSetStatus},
    core::v1::Pod,
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ObjectMeta, PostParams},
    runtime::{Controller, controller::Action, watcher},
};

use super::common::{
    ReconcileError, Shared, controlled_by, delete_pod, drive, is_deleting, is_finished, owned_pods, phase, ready_since,
    retry,
};

/// Runs the controller.
pub async fn run(client: Client) {
    let shared = Arc::new(Shared { client: client.clone(), options: super::ControllerOptions::default() });
    let controller = Controller::new(Api::<ReplicaSet>::all(client.clone()), watcher::Config::default())
        .owns(Api::<Pod>::all(client), watcher::Config::default());
    drive("replicasets", controller.run(reconcile, retry, shared)).await;
}

async fn reconcile(seen: Arc<ReplicaSet>, shared: Arc<Shared>) -> Result<Action, ReconcileError> {
    let namespace = seen.namespace().unwrap_or_default();
    let sets: Api<ReplicaSet> = Api::namespaced(shared.client.clone(), &namespace);
    // The cache may lag behind what this controller wrote; a stale count would create too many pods.
    let Some(set) = sets.get_opt(&seen.name_any()).await? else { return Ok(Action::await_change()) };
    let Some(spec) = set.spec.clone() else { return Ok(Action::await_change()) };
    let pods: Api<Pod> = Api::namespaced(shared.client.clone(), &namespace);
    let mut owned = owned_pods(&shared.client, &set, &spec.selector).await?;
    owned.retain(|pod| !is_finished(pod) && !is_deleting(pod));
    if set.metadata.deletion_timestamp.is_none() {
        let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or_default();
        for _ in owned.len()..wanted {
            owned.push(pods.create(&PostParams::default(), &new_pod(&set)).await?);
        }
        owned.sort_by_key(|pod| Reverse(dispensability(pod)));
        for pod in owned.drain(..owned.len().saturating_sub(wanted)) {
            delete_pod(&pods, &pod).await?;
        }
    }
    let minimum = Duration::from_secs(spec.min_ready_seconds.unwrap_or_default().unsigned_abs().into());
    let (status, again) = status(&set, &owned, minimum, Timestamp::now());
    if set.status.as_ref() != Some(&status) {
        let updated = ReplicaSet { status: Some(status), ..set.clone() };
        sets.replace_status(&set.name_any(), &PostParams::default(), &updated).await?;
    }
    Ok(again.map_or_else(Action::await_change, Action::requeue))
}

fn new_pod(set: &ReplicaSet) -> Pod {
    let template = set.spec.as_ref().and_then(|s| s.template.clone()).unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", set.name_any())),
            namespace: set.namespace(),
            labels: metadata.labels,
            annotations: metadata.annotations,
            finalizers: metadata.finalizers,
            owner_references: Some(controlled_by(set)),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}

/// Which pods go first: unscheduled before pending before unready before young ones.
fn dispensability(pod: &Pod) -> (bool, bool, bool, Option<Timestamp>) {
    let unscheduled = pod.spec.as_ref().and_then(|s| s.node_name.as_ref()).is_none();
    let created = pod.metadata.creation_timestamp.as_ref().map(|t| t.0);
    (unscheduled, phase(pod) == "Pending", ready_since(pod).is_none(), created)
}

/// The status, and when it will change by the passing of time.
fn status(set: &ReplicaSet, pods: &[Pod], minimum: Duration, now: Timestamp) -> (ReplicaSetStatus, Option<Duration>) {
    let ready: Vec<Timestamp> = pods.iter().filter_map(ready_since).collect();
    let left = |since: &Timestamp| {
        let ripe = since.saturating_add(minimum).unwrap_or(*since);
        u64::try_from(ripe.as_millisecond() - now.as_millisecond()).map_or(Duration::ZERO, Duration::from_millis)
    };
    let waits: Vec<Duration> = ready.iter().map(left).filter(|wait| !wait.is_zero()).collect();
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let nonzero = |n: usize| Some(count(n)).filter(|n| *n > 0);
    let status = ReplicaSetStatus {
        replicas: count(pods.len()),
        fully_labeled_replicas: nonzero(pods.len()),
        ready_replicas: nonzero(ready.len()),
        available_replicas: nonzero(ready.len() - waits.len()),
        observed_generation: set.metadata.generation,
        ..ReplicaSetStatus::default()
    };
    (status, waits.into_iter().min())
}
