//! Releases pods whose Job is gone from the finalizer with which Jobs count their pods.

use std::sync::Arc;

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{Controller, controller::Action, watcher},
};

use super::{
    common::{ReconcileError, Shared, controller_uid, drive, exists, retry},
    job,
};

/// Runs the controller.
pub async fn run(client: Client) {
    let shared = Arc::new(Shared { client: client.clone(), options: super::ControllerOptions::default() });
    let selector = watcher::Config::default().labels_from(&exists("batch.kubernetes.io/job-name"));
    let controller = Controller::new(Api::<Pod>::all(client), selector);
    drive("pod-finalizers", controller.run(reconcile, retry, shared)).await;
}

async fn reconcile(pod: Arc<Pod>, shared: Arc<Shared>) -> Result<Action, ReconcileError> {
    if !pod.finalizers().iter().any(|f| f == job::TRACKING_FINALIZER) {
        return Ok(Action::await_change());
    }
    let namespace = pod.namespace().unwrap_or_default();
    let owner = pod.owner_references().iter().find(|o| o.kind == "Job" && o.controller == Some(true));
    if let Some(owner) = owner {
        let jobs: Api<Job> = Api::namespaced(shared.client.clone(), &namespace);
        let found = jobs.get_opt(&owner.name).await?;
        if found.is_some_and(|job| job.uid().as_deref() == controller_uid(&*pod)) {
            return Ok(Action::await_change());
        }
    }
    job::release(&Api::namespaced(shared.client.clone(), &namespace), &pod).await?;
    Ok(Action::await_change())
}
