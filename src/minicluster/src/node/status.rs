//! A pod's status from the states of its containers, as a kubelet computes it. Pure.

#[cfg(test)]
mod tests;

mod record;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{
        ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
        HostIP, Pod, PodCondition, PodIP, PodSpec, PodStatus,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};

pub use self::record::{ContainerRecord, Ended, Phase};
use super::register::HOST_IP;

/// Everything a status depends on.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The pod as last seen.
    pub pod: &'a Pod,
    /// Its address.
    pub pod_ip: &'a str,
    /// When the node took it on.
    pub start_time: Timestamp,
    /// Its containers by name.
    pub containers: &'a BTreeMap<String, ContainerRecord>,
    /// Whether nothing will be started again, because the pod is being deleted or has failed as a whole.
    pub ending: bool,
    /// `reason` and `message` of a pod that failed as a whole.
    pub failure: Option<(&'a str, &'a str)>,
    /// Whether its processes were lost with an earlier life of the node, through no fault of their own.
    pub disrupted: bool,
    /// The status reported before: conditions that stay keep their times, a final phase stays final.
    pub previous: &'a PodStatus,
    /// Now.
    pub now: Timestamp,
}

/// The status to report.
pub fn pod_status(inputs: &Inputs<'_>) -> PodStatus {
    let spec = inputs.pod.spec.clone().unwrap_or_default();
    let previous = inputs.previous;
    let all_done = inputs.containers.values().all(ContainerRecord::is_done);
    let phase = match (previous.phase.as_deref(), inputs.failure) {
        (Some("Failed"), _) => "Failed",
        (Some("Succeeded"), _) => "Succeeded",
        (_, Some(_)) if all_done => "Failed",
        _ => phase(&spec, inputs.containers, inputs.ending),
    };
    let failure = inputs.failure.map(|(reason, message)| (reason.to_owned(), message.to_owned()));
    let (reason, message) =
        failure.map_or_else(|| (previous.reason.clone(), previous.message.clone()), |(r, m)| (Some(r), Some(m)));
    let statuses = spec.containers.iter().filter_map(|c| {
        let record = inputs.containers.get(&c.name)?;
        Some(container_status(&c.name, c.image.as_deref().unwrap_or_default(), record))
    });
    PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(conditions(inputs, previous, phase)),
        container_statuses: Some(statuses.collect()),
        pod_ip: Some(inputs.pod_ip.to_owned()),
        pod_ips: Some(vec![PodIP { ip: inputs.pod_ip.to_owned() }]),
        host_ip: Some(HOST_IP.to_owned()),
        host_ips: Some(vec![HostIP { ip: HOST_IP.to_owned() }]),
        start_time: Some(Time(inputs.start_time)),
        reason,
        message,
        observed_generation: inputs.pod.metadata.generation,
        qos_class: previous.qos_class.clone(),
        ..PodStatus::default()
    }
}

/// `getPhase` of the kubelet.
fn phase(spec: &PodSpec, containers: &BTreeMap<String, ContainerRecord>, ending: bool) -> &'static str {
    let (mut waiting, mut running, mut stopped, mut succeeded) = (0, 0, 0, 0);
    for record in containers.values() {
        match (&record.phase, &record.last) {
            (Phase::Running(_), _) => running += 1,
            (Phase::Ended(ended), _) => {
                stopped += 1;
                succeeded += i32::from(ended.exit_code == 0);
            }
            (Phase::Waiting { .. }, Some(_)) => stopped += 1,
            (Phase::Waiting { .. }, None) => waiting += 1,
        }
    }
    let policy = spec.restart_policy.as_deref().unwrap_or("Always");
    match () {
        () if waiting > 0 => "Pending",
        () if running > 0 => "Running",
        () if stopped == 0 => "Pending",
        () if ending && stopped == succeeded => "Succeeded",
        () if ending => "Failed",
        () if policy == "Always" => "Running",
        () if stopped == succeeded => "Succeeded",
        () if policy == "Never" => "Failed",
        () => "Running",
    }
}

fn container_status(name: &str, image: &str, record: &ContainerRecord) -> ContainerStatus {
    let ended = |ended: &Ended| ContainerState { terminated: Some(terminated(ended)), ..ContainerState::default() };
    let state = match &record.phase {
        Phase::Waiting { reason, message } => ContainerState {
            waiting: Some(ContainerStateWaiting { reason: Some((*reason).to_owned()), message: message.clone() }),
            ..ContainerState::default()
        },
        Phase::Running(since) => ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(Time(*since)) }),
            ..ContainerState::default()
        },
        Phase::Ended(end) => ended(end),
    };
    let running = matches!(record.phase, Phase::Running(_));
    ContainerStatus {
        name: name.to_owned(),
        image: image.to_owned(),
        image_id: String::new(),
        container_id: record.id.clone(),
        ready: running && record.ready,
        started: Some(running && record.started),
        restart_count: record.restarts,
        state: Some(state),
        last_state: Some(record.last.as_ref().map_or_else(ContainerState::default, ended)),
        ..ContainerStatus::default()
    }
}

fn terminated(ended: &Ended) -> ContainerStateTerminated {
    ContainerStateTerminated {
        exit_code: ended.exit_code,
        reason: Some(ended.reason.clone()),
        message: ended.message.clone(),
        started_at: ended.started_at.map(Time),
        finished_at: Some(Time(ended.finished_at)),
        ..ContainerStateTerminated::default()
    }
}

fn conditions(inputs: &Inputs<'_>, previous: &PodStatus, phase: &str) -> Vec<PodCondition> {
    let unready: Vec<&str> = inputs
        .containers
        .iter()
        .filter(|(_, r)| !(r.ready && matches!(r.phase, Phase::Running(_))))
        .map(|(name, _)| name.as_str())
        .collect();
    let list = format!("containers with unready status: [{}]", unready.join(" "));
    let ready = match phase {
        "Succeeded" => (false, "PodCompleted", ""),
        "Failed" => (false, "PodFailed", ""),
        _ if unready.is_empty() => (true, "", ""),
        _ => (false, "ContainersNotReady", list.as_str()),
    };
    let finished = matches!(phase, "Succeeded" | "Failed");
    let has_processes = !finished && inputs.containers.values().any(|r| r.id.is_some());
    let initialized = if phase == "Succeeded" { "PodCompleted" } else { "" };
    let mut conditions = vec![
        condition(inputs, previous, "PodReadyToStartContainers", (has_processes, "", "")),
        condition(inputs, previous, "Initialized", (true, initialized, "")),
        condition(inputs, previous, "Ready", ready),
        condition(inputs, previous, "ContainersReady", ready),
        condition(inputs, previous, "PodScheduled", (true, "", "")),
    ];
    if inputs.disrupted {
        let why = (true, "TerminationByKubelet", "The pod's processes were lost when its node stopped.");
        conditions.push(condition(inputs, previous, "DisruptionTarget", why));
    }
    conditions
}

/// A condition (status, reason, message) that keeps the time of its last transition while its status stays.
fn condition(
    inputs: &Inputs<'_>,
    previous: &PodStatus,
    kind: &str,
    (holds, reason, message): (bool, &str, &str),
) -> PodCondition {
    let status = if holds { "True" } else { "False" };
    let before = previous.conditions.iter().flatten().find(|c| c.type_ == kind && c.status == status);
    let given = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: given(reason),
        message: given(message),
        last_transition_time: before.and_then(|c| c.last_transition_time.clone()).or(Some(Time(inputs.now))),
        observed_generation: inputs.pod.metadata.generation,
        ..PodCondition::default()
    }
}
