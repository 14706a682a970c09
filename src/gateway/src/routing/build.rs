//! From what the Kubernetes API holds to routes: a pure function.

use std::borrow::Borrow;
use std::net::IpAddr;

use genesis_api::conditions::{ConditionType, find};
use genesis_api::names::{MODEL_LABEL, ROLE_LABEL, Role};
use genesis_api::{GenesisModel, Rollout};
use genesis_core::AdapterRef;
use k8s_openapi::api::core::v1::Pod;

use super::replicas::Replica;
use super::route::{Canary, LoopState, ModelKey, ModelRoute, Served};
use super::table::RouteTable;
use crate::generate::settings::Settings;

/// The routes of all models.
pub fn build<'a>(
    models: impl IntoIterator<Item = &'a GenesisModel>,
    rollouts: &[impl Borrow<Rollout>],
    pods: &[impl Borrow<Pod>],
) -> RouteTable {
    RouteTable::new(models.into_iter().filter_map(|model| route(model, rollouts, pods)))
}

fn route(model: &GenesisModel, rollouts: &[impl Borrow<Rollout>], pods: &[impl Borrow<Pod>]) -> Option<ModelRoute> {
    let key = ModelKey::new(model.metadata.namespace.clone()?, model.metadata.name.clone()?);
    let base = model.spec.served_model_name.clone();
    let current = model.status.as_ref().and_then(|status| status.current_adapter.as_ref());
    let stable = Served::of(&base, current.map(|current| AdapterRef::from(current.adapter.clone())).as_ref());
    Some(ModelRoute {
        canary: canary(&key, &base, rollouts),
        serving: ready(&key, Role::Serving, pods),
        sandboxes: ready(&key, Role::Sandbox, pods),
        settings: Settings::from(&model.spec.generation),
        max_per_task: model.spec.training_template.max_per_task.unsigned_abs(),
        storage: model.spec.storage.uri.clone(),
        loop_state: loop_state(model),
        key,
        base,
        stable,
    })
}

/// The rollout that takes traffic now. It takes none before every ready replica has proved the candidate.
fn canary(key: &ModelKey, base: &str, rollouts: &[impl Borrow<Rollout>]) -> Option<Canary> {
    let of_model = |rollout: &&Rollout| {
        rollout.metadata.namespace.as_deref() == Some(&key.namespace) && rollout.spec.model_ref.name == key.name
    };
    let active = rollouts.iter().map(Borrow::borrow).filter(of_model).filter_map(|rollout| {
        let proved = rollout.status.as_ref()?.served_digest.as_ref() == Some(&rollout.spec.candidate.digest);
        let weight = rollout.canary_weight();
        (proved && weight > 0).then_some((weight, rollout))
    });
    // The operator lets one rollout take traffic at a time. Were there two, the choice must at least stand still.
    let (weight, rollout) = active.min_by_key(|(_, rollout)| rollout.metadata.uid.clone())?;
    let candidate = AdapterRef::from(rollout.spec.candidate.clone());
    let salt = rollout.metadata.uid.clone().or_else(|| rollout.metadata.name.clone()).unwrap_or_default();
    Some(Canary { served: Served::of(base, Some(&candidate)), weight, salt })
}

fn ready(key: &ModelKey, role: Role, pods: &[impl Borrow<Pod>]) -> Vec<Replica> {
    let role: &str = role.into();
    let mut replicas: Vec<Replica> = pods.iter().filter_map(|pod| replica(key, role, pod.borrow())).collect();
    replicas.sort();
    replicas
}

fn replica(key: &ModelKey, role: &str, pod: &Pod) -> Option<Replica> {
    let labels = pod.metadata.labels.as_ref()?;
    let labelled = |label: &str, value: &str| labels.get(label).is_some_and(|found| found == value);
    let status = pod.status.as_ref()?;
    let says_ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    let ours = pod.metadata.namespace.as_deref() == Some(&key.namespace) && labelled(MODEL_LABEL, &key.name);
    // A pod that is being deleted still answers what it has begun, and takes nothing new.
    let takes_work = ours && labelled(ROLE_LABEL, role) && says_ready && pod.metadata.deletion_timestamp.is_none();
    let address: IpAddr = status.pod_ip.as_ref()?.parse().ok()?;
    takes_work.then(|| Replica { pod: pod.metadata.name.clone().unwrap_or_default(), address })
}

fn loop_state(model: &GenesisModel) -> LoopState {
    let Some(status) = &model.status else { return LoopState::default() };
    let active = find(&status.conditions, ConditionType::LoopActive);
    LoopState {
        reason: active.map(|condition| condition.reason.clone()).unwrap_or_default(),
        message: active.map(|condition| condition.message.clone()).unwrap_or_default(),
        watermark: status.watermark.max(0) as u64,
        last_training: status.last_training_time.map(|time| time.to_string()),
        training_run: status.active_training_run.clone(),
        evaluation: status.active_evaluation.clone(),
        rollout: status.active_rollout.clone(),
    }
}

#[cfg(test)]
pub(super) mod tests;
