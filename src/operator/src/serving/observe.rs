use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use genesis_api::names::{Role, pod_selector};
use genesis_core::{AdapterRef, Digest};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::proof::prove;
use super::{AdapterState, Replica, ReplicaMemory};
use crate::context::Context;
use crate::error::{ObserveError, observing};

/// Longest time for proving one adapter on one replica.
const PROOF_PATIENCE: Duration = Duration::from_secs(60);

/// The ready serving pods of a model, and how the `wanted` adapters stand on each.
pub async fn observe(
    ctx: &Context,
    namespace: &str,
    model: &str,
    served_model: &str,
    wanted: &[AdapterRef],
) -> Result<Vec<Replica>, ObserveError> {
    let pods = ready_pods(ctx, namespace, model, Role::Serving).await?;
    Ok(join_all(pods.iter().map(|pod| ask(ctx, known(pod), served_model, wanted))).await)
}

/// The same for pods that are known from before, where nobody told that they have changed since.
pub async fn observe_again(
    ctx: &Context,
    before: &[Replica],
    served_model: &str,
    wanted: &[AdapterRef],
) -> Vec<Replica> {
    let known = |replica: &Replica| Replica {
        pod: replica.pod.clone(),
        incarnation: replica.incarnation.clone(),
        address: replica.address.clone(),
        ..Replica::default()
    };
    join_all(before.iter().map(|replica| ask(ctx, known(replica), served_model, wanted))).await
}

/// The addresses of a model's ready pods with one role, in a stable order.
pub async fn ready_addresses(
    ctx: &Context,
    namespace: &str,
    model: &str,
    role: Role,
) -> Result<Vec<String>, ObserveError> {
    Ok(ready_pods(ctx, namespace, model, role).await?.iter().filter_map(address).collect())
}

async fn ready_pods(ctx: &Context, namespace: &str, model: &str, role: Role) -> Result<Vec<Pod>, ObserveError> {
    let params = ListParams::default().labels(&pod_selector(model, role));
    let api = Api::<Pod>::namespaced(ctx.client.clone(), namespace);
    let mut pods = api.list(&params).await.map_err(observing("listing pods"))?.items;
    pods.retain(|pod| is_ready(pod) && address(pod).is_some());
    pods.sort_by_key(ResourceExt::name_any);
    Ok(pods)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn address(pod: &Pod) -> Option<String> {
    pod.status.as_ref()?.pod_ip.clone().filter(|address| !address.is_empty())
}

fn incarnation(pod: &Pod) -> String {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let restarts: i32 = containers.iter().map(|container| container.restart_count).sum();
    format!("{}/{restarts}", pod.uid().unwrap_or_default())
}

/// A pod that was not asked yet.
fn known(pod: &Pod) -> Replica {
    Replica {
        pod: pod.name_any(),
        incarnation: incarnation(pod),
        address: address(pod).unwrap_or_default(),
        ..Replica::default()
    }
}

async fn ask(ctx: &Context, mut replica: Replica, served_model: &str, wanted: &[AdapterRef]) -> Replica {
    match ctx.inference.models(&replica.address).await {
        Ok(models) => {
            let adapters = models.into_iter().filter(|model| model.parent.is_some() || model.digest.is_some());
            replica.loaded = adapters.map(|model| (model.id, model.digest)).collect();
        }
        Err(error) => replica.unreachable = error.to_string(),
    }
    let mut states = BTreeMap::new();
    for adapter in wanted {
        let name = adapter.served_name(served_model);
        let state = state(ctx, &replica, &name, adapter).await;
        states.insert(name, state);
    }
    replica.wanted = states;
    replica
}

async fn state(ctx: &Context, replica: &Replica, name: &str, adapter: &AdapterRef) -> AdapterState {
    let Some(digest) = replica.loaded.get(name) else { return not_seen(&ctx.memory, replica, name, ctx.now()) };
    if let Some(other) = digest.as_ref().filter(|digest| **digest != adapter.digest) {
        return AdapterState::Disproved(wrong_digest(other, &adapter.digest));
    }
    if ctx.memory.has_proved(&replica.incarnation, name) {
        return AdapterState::Proved;
    }
    // One replica that answers slowly must not keep the others, and everything else, waiting.
    let proof = tokio::time::timeout(PROOF_PATIENCE, prove(ctx, &replica.address, name, adapter)).await;
    let state = proof.unwrap_or_else(|_| {
        AdapterState::Unproved(format!("the proof took longer than {} s", PROOF_PATIENCE.as_secs()))
    });
    if state == AdapterState::Proved {
        ctx.memory.proved(&replica.incarnation, name);
    }
    state
}

/// An adapter that a replica did not tell of. One that does not answer at all has lost nothing: what this process has
/// proved still counts, and a process that hangs is soon no ready replica any more.
fn not_seen(memory: &ReplicaMemory, replica: &Replica, name: &str, now: Timestamp) -> AdapterState {
    if replica.unreachable.is_empty() {
        memory.gone(&replica.incarnation, name);
    } else if memory.has_proved(&replica.incarnation, name) {
        return AdapterState::Proved;
    }
    memory.refusal(&replica.incarnation, name, now).map_or(AdapterState::Missing, AdapterState::Refused)
}

fn wrong_digest(found: &Digest, expected: &Digest) -> String {
    format!("it serves {} where {} was asked for", found.short(), expected.short())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::at;

    #[test]
    fn a_replica_that_does_not_answer_has_lost_nothing() {
        let memory = ReplicaMemory::default();
        memory.proved("pod/0", "coder-x");
        let silent = Replica { incarnation: "pod/0".into(), unreachable: "timed out".into(), ..Replica::default() };
        assert_eq!(not_seen(&memory, &silent, "coder-x", at(0)), AdapterState::Proved);
        assert_eq!(not_seen(&memory, &silent, "coder-y", at(0)), AdapterState::Missing);
        let restarted = Replica { incarnation: "pod/1".into(), ..silent.clone() };
        assert_eq!(not_seen(&memory, &restarted, "coder-x", at(0)), AdapterState::Missing);
        let answers = Replica { unreachable: String::new(), ..silent.clone() };
        assert_eq!(not_seen(&memory, &answers, "coder-x", at(0)), AdapterState::Missing);
        assert_eq!(not_seen(&memory, &silent, "coder-x", at(0)), AdapterState::Missing, "it said that it is gone");
    }
}
