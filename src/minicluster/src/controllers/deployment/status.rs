//! The status of a Deployment. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::ResourceExt as _;

use super::{hash_of, rollout::Strategy};

/// The status to report.
pub fn status(
    deployment: &Deployment,
    sets: &[ReplicaSet],
    hash: &str,
    strategy: &Strategy,
    now: Timestamp,
) -> DeploymentStatus {
    let sum = |count: fn(&ReplicaSet) -> Option<i32>| sets.iter().filter_map(count).sum::<i32>();
    let replicas = sum(|set| set.status.as_ref().map(|s| s.replicas));
    let ready = sum(|set| set.status.as_ref()?.ready_replicas);
    let available = sum(|set| set.status.as_ref()?.available_replicas);
    let current = sets.iter().find(|set| hash_of(set) == Some(hash));
    let of_current = |count: fn(&ReplicaSet) -> Option<i32>| current.and_then(count).unwrap_or_default();
    let updated = of_current(|set| set.status.as_ref().map(|s| s.replicas));
    let updated_available = of_current(|set| set.status.as_ref()?.available_replicas);
    let nonzero = |n: i32| Some(n).filter(|n| *n > 0);
    let complete = updated == strategy.desired && replicas == updated && updated_available == strategy.desired;
    let enough = available >= strategy.desired - strategy.max_unavailable;
    let minimum = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.".to_owned())
    };
    let moved = has_moved(deployment, [replicas, updated, available]);
    let progress = progress(deployment, current, complete, moved, now);
    DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: nonzero(replicas),
        updated_replicas: nonzero(updated),
        ready_replicas: nonzero(ready),
        available_replicas: nonzero(available),
        unavailable_replicas: nonzero(strategy.desired.max(replicas) - available),
        conditions: Some(vec![
            condition(deployment, "Available", minimum, now, false),
            condition(deployment, "Progressing", progress, now, moved),
        ]),
        ..DeploymentStatus::default()
    }
}

/// Whether the rollout is further than the last status says, or a new one.
fn has_moved(deployment: &Deployment, [replicas, updated, available]: [i32; 3]) -> bool {
    let before = deployment.status.clone().unwrap_or_default();
    before.replicas.unwrap_or_default() != replicas
        || before.updated_replicas.unwrap_or_default() != updated
        || before.available_replicas.unwrap_or_default() != available
        || before.observed_generation != deployment.metadata.generation
}

/// The `Progressing` condition: it fails when nothing has moved for `progressDeadlineSeconds`.
fn progress(
    deployment: &Deployment,
    current: Option<&ReplicaSet>,
    complete: bool,
    moved: bool,
    now: Timestamp,
) -> (&'static str, &'static str, String) {
    let name = current.map(ReplicaSet::name_any).unwrap_or_default();
    if complete {
        return ("True", "NewReplicaSetAvailable", format!("ReplicaSet {name:?} has successfully progressed."));
    }
    if !moved && deadline_left(deployment, now).is_some_and(|left| left.is_zero()) {
        return ("False", "ProgressDeadlineExceeded", format!("ReplicaSet {name:?} has timed out progressing."));
    }
    ("True", "ReplicaSetUpdated", format!("ReplicaSet {name:?} is progressing."))
}

/// How long a rollout may still stand still.
fn deadline_left(deployment: &Deployment, now: Timestamp) -> Option<Duration> {
    let limit = deployment.spec.as_ref()?.progress_deadline_seconds?;
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let updated = conditions.iter().find(|c| c.type_ == "Progressing")?.last_update_time.as_ref()?;
    let end = updated.0.as_second() + i64::from(limit);
    Some(Duration::from_secs(u64::try_from(end - now.as_second()).unwrap_or_default()))
}

/// When to look again although nothing changes: at the deadline of a rollout that is not complete.
pub fn next_look(deployment: &Deployment, sets: &[ReplicaSet], hash: &str) -> Option<Duration> {
    let desired = deployment.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
    let current = sets.iter().find(|set| hash_of(set) == Some(hash));
    let available = current.and_then(|set| set.status.as_ref()?.available_replicas).unwrap_or_default();
    let left = deadline_left(deployment, Timestamp::now())?;
    (available < desired && !left.is_zero()).then(|| left + Duration::from_secs(1))
}

/// A condition that keeps its times while it says the same and nothing `moved`.
fn condition(
    deployment: &Deployment,
    kind: &str,
    (status, reason, message): (&str, &str, String),
    now: Timestamp,
    moved: bool,
) -> DeploymentCondition {
    let conditions = deployment.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    let same = conditions.iter().find(|c| c.type_ == kind && c.status == status);
    let standing = same.filter(|c| c.reason.as_deref() == Some(reason) && !moved);
    DeploymentCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: same.and_then(|c| c.last_transition_time.clone()).or(Some(Time(now))),
        last_update_time: standing.and_then(|c| c.last_update_time.clone()).or(Some(Time(now))),
    }
}
