//! What the API is told about a pod.

use k8s_openapi::api::core::v1::PodStatus;
use kube::{
    ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;
use tokio::time::Instant;

use super::PodRun;

impl PodRun {
    /// Reports the status. The uid in the patch keeps it from a later pod of the same name.
    pub(super) async fn report(&self, status: &PodStatus, not_before: Instant) -> kube::Result<()> {
        tokio::time::sleep_until(not_before).await;
        let patch = json!({ "metadata": { "uid": self.pod.uid() }, "status": status });
        let name = self.pod.name_any();
        self.api.patch_status(&name, &PatchParams::default(), &Patch::Strategic(patch)).await.map(drop)
    }

    /// Takes the last step of a deletion: the pod's processes are gone. Says whether the API agreed.
    pub(super) async fn finalize(&self) -> bool {
        let parameters = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions { uid: self.pod.uid(), ..Preconditions::default() }),
            ..DeleteParams::default()
        };
        match self.api.delete(&self.pod.name_any(), &parameters).await {
            // Finalizers may still hold the object; nothing is left to do for the node.
            Ok(_) => true,
            Err(error) => is_another_pod(&error),
        }
    }
}

/// Whether an error says that this pod no longer exists, or that another one has its name.
pub(super) fn is_another_pod(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.is_not_found() || (status.is_conflict() && status.message.contains("UID"))
}
