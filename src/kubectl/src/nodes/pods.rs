use genesis_api::names::{MODEL_LABEL, ROLE_LABEL, Role, workload_name};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{Node, created};
use crate::family::{Objects, space};
use crate::sign::Sign;

/// The label by which a Job's pods are found.
const JOB_LABEL: &str = "batch.kubernetes.io/job-name";

/// A workload of a model: its pods with one role. Nothing where there are none.
pub(super) fn workload(objects: &Objects, namespace: &str, model: &str, role: Role, asked: i32) -> Option<Node> {
    let of_role = |pod: &&Pod| {
        space(*pod) == namespace
            && pod.labels().get(MODEL_LABEL).is_some_and(|label| label == model)
            && pod.labels().get(ROLE_LABEL).is_some_and(|label| *label == role.to_string())
    };
    let pods: Vec<Node> = objects.pods.iter().filter(of_role).map(pod).collect();
    let ready = pods.iter().filter(|pod| pod.sign == Sign::Good).count();
    let enough = i64::try_from(ready).is_ok_and(|ready| ready >= i64::from(asked));
    (!pods.is_empty()).then(|| Node {
        name: workload_name(model, role),
        kind: "Deployment".into(),
        sign: if enough { Sign::Good } else { Sign::Working },
        status: format!("{ready}/{asked} ready"),
        since: pods.iter().filter_map(|pod| pod.since).min(),
        info: String::new(),
        children: pods,
    })
}

/// A Job with its pods, where it still exists.
pub(super) fn job(objects: &Objects, namespace: &str, name: Option<&str>) -> Option<Node> {
    let job = objects.jobs.iter().find(|job| space(*job) == namespace && Some(job.name_any().as_str()) == name)?;
    let named = |pod: &&Pod| {
        let label = pod.labels().get(JOB_LABEL);
        space(*pod) == namespace && label.map(String::as_str) == name
    };
    let (sign, status) = job_status(job);
    Some(Node {
        name: job.name_any(),
        kind: "Job".into(),
        sign,
        status: status.into(),
        since: created(job),
        info: String::new(),
        children: objects.pods.iter().filter(named).map(pod).collect(),
    })
}

fn job_status(job: &Job) -> (Sign, &'static str) {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let holds = |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    if holds("Complete") {
        (Sign::Good, "Complete")
    } else if holds("Failed") {
        (Sign::Bad, "Failed")
    } else if holds("Suspended") {
        (Sign::Held, "Suspended")
    } else {
        (Sign::Working, "Running")
    }
}

fn pod(pod: &Pod) -> Node {
    let status = pod.status.clone().unwrap_or_default();
    let phase = status.phase.unwrap_or_else(|| "Pending".into());
    let ready = status.conditions.iter().flatten().any(|found| found.type_ == "Ready" && found.status == "True");
    let restarts: i32 = status.container_statuses.iter().flatten().map(|container| container.restart_count).sum();
    let waiting = status.container_statuses.iter().flatten().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        waiting.reason.clone()
    });
    let sign = match phase.as_str() {
        "Running" if ready => Sign::Good,
        "Succeeded" => Sign::Good,
        "Failed" => Sign::Bad,
        "Pending" => Sign::Waiting,
        _ => Sign::Working,
    };
    let restarts = if restarts == 0 { String::new() } else { format!("{restarts} restarts") };
    Node {
        name: pod.name_any(),
        kind: "Pod".into(),
        sign,
        status: waiting.unwrap_or(phase),
        since: created(pod),
        info: restarts,
        children: Vec::new(),
    }
}
