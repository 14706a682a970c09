//! Job → Pods, with the counting, conditions and failure rules of Kubernetes 1.35.
//!
//! Every pod carries a finalizer until its end has been counted. A finished pod's uid goes into
//! `status.uncountedTerminatedPods` first, then the finalizer is removed, then it is counted: whichever step a crash
//! interrupts, no pod is counted twice or not at all.

mod counting;
mod decide;
mod failure_policy;
mod indexes;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod},
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions},
    runtime::{Controller, controller::Action, watcher},
};
use serde_json::json;

use self::decide::{Plan, decide};
use super::{
    ControllerOptions,
    common::{ReconcileError, Shared, controlled_by, delete_pod, drive, ignore_gone, is_deleting, owned_pods, retry},
};

/// Holds a pod until its end is counted.
pub const TRACKING_FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// Annotation and label with a pod's index in an Indexed job.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// Runs the controller.
pub async fn run(client: Client, options: ControllerOptions) {
    let shared = Arc::new(Shared { client: client.clone(), options });
    let controller = Controller::new(Api::<Job>::all(client.clone()), watcher::Config::default())
        .owns(Api::<Pod>::all(client), watcher::Config::default());
    drive("jobs", controller.run(reconcile, retry, shared)).await;
}

async fn reconcile(seen: Arc<Job>, shared: Arc<Shared>) -> Result<Action, ReconcileError> {
    let namespace = seen.namespace().unwrap_or_default();
    let jobs: Api<Job> = Api::namespaced(shared.client.clone(), &namespace);
    let Some(job) = jobs.get_opt(&seen.name_any()).await? else { return Ok(Action::await_change()) };
    let spec = job.spec.clone().unwrap_or_default();
    if spec.managed_by.as_deref().is_some_and(|by| by != "kubernetes.io/job-controller") {
        return Ok(Action::await_change());
    }
    let pods: Api<Pod> = Api::namespaced(shared.client.clone(), &namespace);
    let owned = owned_pods(&shared.client, &job, &spec.selector.unwrap_or_default()).await?;
    let plan = decide(&job, &owned, Timestamp::now(), &shared.options);
    act(&jobs, &pods, &job, &owned, &plan).await?;
    Ok(plan.look_again.map_or_else(Action::await_change, Action::requeue))
}

/// Carries out a plan. The status comes first: what it counts must be known before a finalizer is removed.
async fn act(jobs: &Api<Job>, pods: &Api<Pod>, job: &Job, owned: &[Pod], plan: &Plan) -> Result<(), ReconcileError> {
    if plan.remove_job {
        let parameters = DeleteParams {
            preconditions: Some(Preconditions { uid: job.uid(), ..Preconditions::default() }),
            ..DeleteParams::foreground()
        };
        return Ok(ignore_gone(jobs.delete(&job.name_any(), &parameters).await)?);
    }
    if job.status.as_ref() != Some(&plan.status) {
        let updated = Job { status: Some(plan.status.clone()), ..job.clone() };
        jobs.replace_status(&job.name_any(), &PostParams::default(), &updated).await?;
    }
    for pod in owned.iter().filter(|pod| plan.release.contains(&pod.uid().unwrap_or_default())) {
        release(pods, pod).await?;
    }
    for pod in owned.iter().filter(|pod| plan.delete.contains(&pod.uid().unwrap_or_default())) {
        delete_pod(pods, pod).await?;
    }
    for index in &plan.create {
        match pods.create(&PostParams::default(), &new_pod(job, *index)).await {
            Ok(_) => {}
            // The namespace is going away: nothing can run there any more.
            Err(kube::Error::Api(status)) if status.code == 403 => {
                tracing::info!(job = %job.name_any(), why = %status.message, "a pod cannot be created");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the tracking finalizer off a pod.
pub async fn release(pods: &Api<Pod>, pod: &Pod) -> Result<(), kube::Error> {
    if !is_tracked(pod) {
        return Ok(());
    }
    let left: Vec<&String> = pod.finalizers().iter().filter(|f| *f != TRACKING_FINALIZER).collect();
    let metadata = json!({ "uid": pod.uid(), "resourceVersion": pod.resource_version(), "finalizers": left });
    let patch = json!({ "metadata": metadata });
    match pods.patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(drop),
    }
}

/// Whether a pod still waits to be counted.
pub fn is_tracked(pod: &Pod) -> bool {
    pod.finalizers().iter().any(|f| f == TRACKING_FINALIZER)
}

fn new_pod(job: &Job, index: Option<i32>) -> Pod {
    let template = job.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    let mut labels: BTreeMap<String, String> = metadata.labels.unwrap_or_default();
    let mut annotations = metadata.annotations.unwrap_or_default();
    let mut spec = template.spec.unwrap_or_default();
    let mut finalizers = metadata.finalizers.unwrap_or_default();
    finalizers.push(TRACKING_FINALIZER.to_owned());
    let mut prefix = format!("{}-", job.name_any());
    if let Some(index) = index {
        labels.insert(INDEX.to_owned(), index.to_string());
        annotations.insert(INDEX.to_owned(), index.to_string());
        spec.hostname = Some(format!("{prefix}{index}"));
        prefix += &format!("{index}-");
        for container in &mut spec.containers {
            let field_path = format!("metadata.annotations['{INDEX}']");
            let field_ref = ObjectFieldSelector { field_path, ..ObjectFieldSelector::default() };
            container.env.get_or_insert_default().push(EnvVar {
                name: "JOB_COMPLETION_INDEX".to_owned(),
                value_from: Some(EnvVarSource { field_ref: Some(field_ref), ..EnvVarSource::default() }),
                ..EnvVar::default()
            });
        }
    }
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(prefix),
            namespace: job.namespace(),
            labels: Some(labels),
            annotations: Some(annotations).filter(|a| !a.is_empty()),
            finalizers: Some(finalizers),
            owner_references: Some(controlled_by(job)),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}

/// Whether a pod counts as a place taken: it has not ended and is not going away.
fn is_active(pod: &Pod) -> bool {
    !super::common::is_finished(pod) && !is_deleting(pod)
}
