//! The containers of a pod that is taken on: new ones, and those of an earlier life of the node.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use tokio::{sync::mpsc, task::JoinSet};

use super::PodRun;
use crate::node::{
    container::ContainerRun,
    status::{ContainerRecord, Ended, Phase},
};

impl PodRun {
    pub(super) fn start_containers(
        &mut self,
        reports: &mpsc::UnboundedSender<(String, ContainerRecord)>,
        tasks: &mut JoinSet<()>,
    ) {
        let policy = self.pod.spec.as_ref().and_then(|s| s.restart_policy.clone()).unwrap_or_default();
        let lost =
            |record: &ContainerRecord| matches!(&record.phase, Phase::Ended(e) if e.reason == "ContainerStatusUnknown");
        if policy == "Never" && self.containers.values().any(lost) {
            // Lost processes of a pod that is never restarted end the pod; its owner may replace it.
            self.disrupted = true;
            for record in self.containers.values_mut().filter(|r| !r.is_done()) {
                record.phase = Phase::Ended(lost_container(None, Timestamp::now()));
            }
            return;
        }
        for container in self.pod.spec.iter().flat_map(|s| &s.containers) {
            let Some(record) = self.containers.get_mut(&container.name) else { continue };
            if let Phase::Ended(ended) = &record.phase {
                let again = ended.reason == "ContainerStatusUnknown" || policy == "Always";
                if !again || self.stop.borrow().is_some() {
                    continue;
                }
                record.last = Some(ended.clone());
                record.phase = Phase::Waiting { reason: "ContainerCreating", message: None };
                record.restarts += 1;
            }
            let run = ContainerRun {
                context: self.context.clone(),
                pod: self.pod.clone(),
                container: container.clone(),
                pod_ip: self.pod_ip.clone(),
                stop: self.stop.subscribe(),
                reports: reports.clone(),
            };
            tasks.spawn(run.run(record.clone()));
        }
    }
}

/// What the API knows of a container from before this life of the node: no process of that time is left.
pub(super) fn recover(
    pod: &Pod,
    status: &k8s_openapi::api::core::v1::ContainerStatus,
    now: Timestamp,
) -> ContainerRecord {
    let state = status.state.clone().unwrap_or_default();
    let ended = |t: &k8s_openapi::api::core::v1::ContainerStateTerminated| Ended {
        exit_code: t.exit_code,
        reason: t.reason.clone().unwrap_or_default(),
        message: t.message.clone(),
        started_at: t.started_at.as_ref().map(|t| t.0),
        finished_at: t.finished_at.as_ref().map_or(now, |t| t.0),
    };
    let last = status.last_state.as_ref().and_then(|s| s.terminated.as_ref()).map(ended);
    let mut record = ContainerRecord { last, restarts: status.restart_count, ..ContainerRecord::new() };
    record.id.clone_from(&status.container_id);
    if let Some(terminated) = &state.terminated {
        record.phase = Phase::Ended(ended(terminated));
    } else if let Some(running) = &state.running {
        tracing::info!(pod = %pod.name_any(), container = %status.name, "its process was lost with the node");
        record.phase = Phase::Ended(lost_container(running.started_at.as_ref().map(|t| t.0), now));
    }
    record
}

fn lost_container(started_at: Option<Timestamp>, now: Timestamp) -> Ended {
    Ended {
        exit_code: 137,
        reason: "ContainerStatusUnknown".to_owned(),
        message: Some("The container could not be located when the node started again".to_owned()),
        started_at,
        finished_at: now,
    }
}
