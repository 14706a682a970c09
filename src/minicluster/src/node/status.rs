//! A pod's status from the states of its containers, as a kubelet computes it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{
        ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
        HostIP, Pod, PodCondition, PodIP, PodSpec, PodStatus,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};

use super::register::HOST_IP;

/// How a container ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Exit code, 128 + signal for a killed process.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `StartError` or `ContainerStatusUnknown`.
    pub reason: String,
    /// What a person should know beyond that.
    pub message: Option<String>,
    /// When it began, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// What a container is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Not running, for this reason.
    Waiting {
        /// `ContainerCreating`, `CrashLoopBackOff`, `CreateContainerConfigError`.
        reason: &'static str,
        /// Details.
        message: Option<String>,
    },
    /// Running since.
    Running(Timestamp),
    /// Ended for good.
    Ended(Ended),
}

/// All that is known of a container.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerRecord {
    /// What it is doing.
    pub phase: Phase,
    /// How it ended the time before.
    pub last: Option<Ended>,
    /// How often it was started again.
    pub restarts: i32,
    /// Whether its start-up is over.
    pub started: bool,
    /// Whether it takes requests.
    pub ready: bool,
    /// `process://<pid>` of the latest process.
    pub id: Option<String>,
}

impl ContainerRecord {
    /// A container that has not been started.
    pub fn new() -> Self {
        let phase = Phase::Waiting { reason: "ContainerCreating", message: None };
        Self { phase, last: None, restarts: 0, started: false, ready: false, id: None }
    }

    /// Whether it has ended and will not be started again.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit_code: i32) -> Ended {
        let at = Timestamp::UNIX_EPOCH;
        Ended { exit_code, reason: "x".into(), message: None, started_at: Some(at), finished_at: at }
    }

    /// A status computed twice is the same: the node reports only what changed.
    #[test]
    fn a_status_that_stays_is_not_reported_again() {
        for (code, policy) in [(0, "Never"), (1, "Never"), (0, "Always")] {
            let pod: Pod =
                serde_json::from_value(serde_json::json!({ "spec": { "restartPolicy": policy, "containers": [] } }))
                    .unwrap();
            let record = ContainerRecord { phase: Phase::Ended(ended(code)), ..ContainerRecord::new() };
            let containers = BTreeMap::from([("c".to_owned(), record)]);
            let at = |second, previous: &PodStatus| {
                pod_status(&Inputs {
                    pod: &pod,
                    pod_ip: "127.1.0.1",
                    start_time: Timestamp::UNIX_EPOCH,
                    containers: &containers,
                    ending: true,
                    failure: None,
                    disrupted: true,
                    previous,
                    now: Timestamp::from_second(second).unwrap(),
                })
            };
            let first = at(1, &PodStatus::default());
            assert_eq!(at(2, &first), first, "{code} {policy}");
        }
    }

    #[test]
    fn phases_are_those_of_a_kubelet() {
        let waiting = Phase::Waiting { reason: "CrashLoopBackOff", message: None };
        let running = Phase::Running(Timestamp::UNIX_EPOCH);
        for (policy, phase_now, last, ending, expected) in [
            ("Always", waiting.clone(), None, false, "Pending"),
            ("Always", waiting.clone(), Some(1), false, "Running"),
            ("OnFailure", waiting, Some(1), false, "Running"),
            ("Never", running.clone(), None, false, "Running"),
            ("Always", running, None, true, "Running"),
            ("Never", Phase::Ended(ended(0)), None, false, "Succeeded"),
            ("Never", Phase::Ended(ended(3)), None, false, "Failed"),
            ("OnFailure", Phase::Ended(ended(0)), None, false, "Succeeded"),
            ("Always", Phase::Ended(ended(143)), None, true, "Failed"),
            ("Always", Phase::Ended(ended(0)), None, true, "Succeeded"),
        ] {
            let spec = PodSpec { restart_policy: Some(policy.into()), ..PodSpec::default() };
            let record = ContainerRecord { phase: phase_now.clone(), last: last.map(ended), ..ContainerRecord::new() };
            let containers = BTreeMap::from([("c".to_owned(), record)]);
            assert_eq!(phase(&spec, &containers, ending), expected, "{policy} {phase_now:?} {ending}");
        }
    }
}
