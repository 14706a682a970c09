//! The status a kubelet would report, as a function of what the container did.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, HostIP, Pod,
    PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The reason a container gets whose process was lost with the node.
pub const LOST_REASON: &str = "ContainerStatusUnknown";
/// Its exit code: as if killed.
pub const LOST_CODE: i32 = 137;

/// What the container is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Not started, or between two starts.
    Waiting { reason: &'static str, message: String },
    /// At work.
    Running { since: Timestamp, ready: bool },
    /// Ended for good.
    Ended(Ended),
}

/// One end of a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub code: i32,
    pub reason: String,
    pub started: Timestamp,
    pub finished: Timestamp,
}

/// Everything a status is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub address: Ipv4Addr,
    pub started: Timestamp,
    pub state: State,
    pub last: Option<Ended>,
    pub restarts: i32,
    /// The pod ended because its node did: nobody's fault.
    pub disrupted: bool,
}

/// What follows the end of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Restart,
    Succeeded,
    Failed,
}

/// Whether a container is started again, by its pod's policy.
pub fn after(policy: &str, code: i32) -> After {
    match (policy, code) {
        ("Never", 0) | ("OnFailure", 0) => After::Succeeded,
        ("Never", _) => After::Failed,
        _ => After::Restart,
    }
}

/// The reason for an exit code.
pub fn reason_of(code: i32) -> &'static str {
    if code == 0 { "Completed" } else { "Error" }
}

/// The pod's status. Conditions that others own are kept.
pub fn status_of(pod: &Pod, facts: &Facts, now: Timestamp) -> PodStatus {
    let (phase, ready) = match &facts.state {
        State::Waiting { .. } if facts.last.is_none() => ("Pending", false),
        State::Waiting { .. } => ("Running", false),
        State::Running { ready, .. } => ("Running", *ready),
        State::Ended(end) if end.code == 0 => ("Succeeded", false),
        State::Ended(_) => ("Failed", false),
    };
    let old = pod.status.clone().unwrap_or_default();
    let reason = match &facts.state {
        State::Ended(end) if end.code == 0 => Some("PodCompleted"),
        State::Ended(_) => Some("PodFailed"),
        State::Waiting { .. } | State::Running { .. } if !ready => Some("ContainersNotReady"),
        State::Waiting { .. } | State::Running { .. } => None,
    };
    let mut conditions = old.conditions.clone().unwrap_or_default();
    set(&mut conditions, pod, now, "PodReadyToStartContainers", true, None);
    set(&mut conditions, pod, now, "Initialized", true, None);
    set(&mut conditions, pod, now, "Ready", ready, reason);
    set(&mut conditions, pod, now, "ContainersReady", ready, reason);
    if facts.disrupted {
        set(&mut conditions, pod, now, "DisruptionTarget", true, Some("TerminationByKubelet"));
    }
    let address = facts.address.to_string();
    PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(conditions),
        container_statuses: Some(vec![container_status(pod, facts, ready)]),
        host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
        host_ips: Some(vec![HostIP { ip: Ipv4Addr::LOCALHOST.to_string() }]),
        pod_ip: Some(address.clone()),
        pod_ips: Some(vec![PodIP { ip: address }]),
        start_time: Some(old.start_time.unwrap_or(Time(facts.started))),
        qos_class: old.qos_class.or_else(|| Some("BestEffort".to_owned())),
        ..old
    }
}

fn set(conditions: &mut Vec<PodCondition>, pod: &Pod, now: Timestamp, kind: &str, holds: bool, reason: Option<&str>) {
    let status = if holds { "True" } else { "False" };
    let old = conditions.iter().position(|condition| condition.type_ == kind);
    let since = old.map(|at| &conditions[at]).filter(|condition| condition.status == status);
    let condition = PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        observed_generation: pod.metadata.generation,
        last_transition_time: since.map_or(Some(Time(now)), |condition| condition.last_transition_time.clone()),
        ..PodCondition::default()
    };
    match old {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

fn container_status(pod: &Pod, facts: &Facts, ready: bool) -> ContainerStatus {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let image = container.and_then(|container| container.image.clone()).unwrap_or_default();
    let state = match &facts.state {
        State::Waiting { reason, message } => ContainerState {
            waiting: Some(ContainerStateWaiting {
                reason: Some((*reason).to_owned()),
                message: (!message.is_empty()).then(|| message.clone()),
            }),
            ..ContainerState::default()
        },
        State::Running { since, .. } => ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(Time(*since)) }),
            ..ContainerState::default()
        },
        State::Ended(end) => terminated(end),
    };
    ContainerStatus {
        name: container.map(|container| container.name.clone()).unwrap_or_default(),
        image: image.clone(),
        image_id: format!("process://{image}"),
        container_id: Some(format!("process://{}", pod.metadata.uid.as_deref().unwrap_or_default())),
        ready,
        started: Some(matches!(facts.state, State::Running { .. })),
        restart_count: facts.restarts,
        state: Some(state),
        last_state: Some(facts.last.as_ref().map(terminated).unwrap_or_default()),
        ..ContainerStatus::default()
    }
}

fn terminated(end: &Ended) -> ContainerState {
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            exit_code: end.code,
            signal: (end.code > 128).then_some(end.code - 128),
            reason: Some(end.reason.clone()),
            started_at: Some(Time(end.started)),
            finished_at: Some(Time(end.finished)),
            ..ContainerStateTerminated::default()
        }),
        ..ContainerState::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(state: State) -> Facts {
        Facts {
            address: Ipv4Addr::new(127, 1, 2, 3),
            started: Timestamp::UNIX_EPOCH,
            state,
            last: None,
            restarts: 0,
            disrupted: false,
        }
    }

    fn end(code: i32) -> Ended {
        Ended { code, reason: reason_of(code).into(), started: Timestamp::UNIX_EPOCH, finished: Timestamp::UNIX_EPOCH }
    }

    fn ready_of(status: &PodStatus) -> &str {
        &status.conditions.as_ref().unwrap().iter().find(|c| c.type_ == "Ready").unwrap().status
    }

    #[test]
    fn the_phase_follows_the_container() {
        let now = Timestamp::UNIX_EPOCH;
        let waiting = State::Waiting { reason: "CrashLoopBackOff", message: String::new() };
        let crashed = Facts { last: Some(end(1)), restarts: 2, ..facts(waiting.clone()) };
        for (facts, phase, ready) in [
            (facts(waiting), "Pending", "False"),
            (facts(State::Running { since: now, ready: false }), "Running", "False"),
            (facts(State::Running { since: now, ready: true }), "Running", "True"),
            (facts(State::Ended(end(0))), "Succeeded", "False"),
            (facts(State::Ended(end(137))), "Failed", "False"),
            (crashed, "Running", "False"),
        ] {
            let status = status_of(&Pod::default(), &facts, now);
            assert_eq!((status.phase.as_deref().unwrap(), ready_of(&status)), (phase, ready), "{facts:?}");
        }
    }

    #[test]
    fn a_condition_of_the_scheduler_stays_and_times_move_only_with_the_status() {
        let mut pod = Pod::default();
        let scheduled = PodCondition { type_: "PodScheduled".into(), status: "True".into(), ..PodCondition::default() };
        pod.status = Some(PodStatus { conditions: Some(vec![scheduled]), ..PodStatus::default() });
        let running = facts(State::Running { since: Timestamp::UNIX_EPOCH, ready: true });
        let early = status_of(&pod, &running, Timestamp::UNIX_EPOCH);
        assert!(early.conditions.as_ref().unwrap().iter().any(|c| c.type_ == "PodScheduled"));
        pod.status = Some(early.clone());
        let later = status_of(&pod, &running, Timestamp::from_second(100).unwrap());
        assert_eq!(early, later, "nothing has changed");
    }

    #[test]
    fn policies() {
        for (policy, code, want) in [
            ("Always", 0, After::Restart),
            ("Always", 1, After::Restart),
            ("OnFailure", 0, After::Succeeded),
            ("OnFailure", 1, After::Restart),
            ("Never", 0, After::Succeeded),
            ("Never", 1, After::Failed),
        ] {
            assert_eq!(after(policy, code), want, "{policy} {code}");
        }
    }
}
