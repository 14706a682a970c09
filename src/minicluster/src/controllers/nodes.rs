//! Node health: a node whose Lease is no longer renewed is not ready.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Node};
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{Controller, controller::Action, reflector::ObjectRef, watcher},
};
use serde_json::json;

use super::common::{ReconcileError, Shared, drive, retry};

/// Runs the controller.
pub async fn run(client: Client) {
    let shared = Arc::new(Shared { client: client.clone(), options: super::ControllerOptions::default() });
    let leases: Api<Lease> = Api::namespaced(client.clone(), "kube-node-lease");
    let controller = Controller::new(Api::<Node>::all(client), watcher::Config::default()).watches(
        leases,
        watcher::Config::default(),
        |lease| [ObjectRef::<Node>::new(&lease.name_any())],
    );
    drive("nodes", controller.run(reconcile, retry, shared)).await;
}

async fn reconcile(node: Arc<Node>, shared: Arc<Shared>) -> Result<Action, ReconcileError> {
    let leases: Api<Lease> = Api::namespaced(shared.client.clone(), "kube-node-lease");
    let lease = leases.get_opt(&node.name_any()).await?;
    let Some(left) = time_left(lease.as_ref(), Timestamp::now()) else { return Ok(Action::await_change()) };
    if !left.is_zero() {
        return Ok(Action::requeue(left));
    }
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    if conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True") {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let patch = json!({ "status": { "conditions": [{
            "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "lastTransitionTime": now,
            "message": "Kubelet stopped posting node status.",
        }] } });
        let nodes: Api<Node> = Api::all(shared.client.clone());
        nodes.patch_status(&node.name_any(), &PatchParams::default(), &Patch::Strategic(patch)).await?;
    }
    Ok(Action::await_change())
}

/// How long a Lease still holds; `None` if it says nothing.
fn time_left(lease: Option<&Lease>, now: Timestamp) -> Option<Duration> {
    let spec = lease?.spec.as_ref()?;
    let seconds = spec.lease_duration_seconds?;
    let end = spec.renew_time.as_ref()?.0.as_second() + i64::from(seconds);
    Some(Duration::from_secs(u64::try_from(end - now.as_second()).unwrap_or_default()))
}
