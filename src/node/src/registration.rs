//! The Node object and its Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Error;

const MANAGER: &str = "genesis-node";
const LEASE_NAMESPACE: &str = "kube-node-lease";
const LEASE_SECONDS: i32 = 40;
const BEAT: Duration = Duration::from_secs(10);

/// Applies the Node and reports it ready, with what this machine has.
pub async fn register(client: &Client, name: &str) -> Result<(), Error> {
    let nodes: Api<Node> = Api::all(client.clone());
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "genesis.truth.si/virtual": "true",
        } },
    });
    nodes.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(node)).await?;
    report_ready(&nodes, name).await
}

async fn report_ready(nodes: &Api<Node>, name: &str) -> Result<(), Error> {
    let now = jiff::Timestamp::now().to_string();
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({ "type": kind, "status": status, "reason": reason, "message": "",
                "lastHeartbeatTime": now, "lastTransitionTime": now })
    };
    let capacity = json!({
        "cpu": std::thread::available_parallelism().map_or(1, usize::from).to_string(),
        "memory": format!("{}Ki", memory_kib()),
        "pods": "250", "ephemeral-storage": "32Gi",
    });
    let status = json!({ "status": {
        "capacity": capacity, "allocatable": capacity,
        "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }, { "type": "Hostname", "address": name }],
        "conditions": [
            condition("Ready", "True", "KubeletReady"),
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        ],
        "nodeInfo": {
            "kubeletVersion": format!("genesis-node-{}", env!("CARGO_PKG_VERSION")), "kubeProxyVersion": "",
            "osImage": "host processes", "containerRuntimeVersion": "process://1", "operatingSystem": "linux",
            "architecture": "amd64", "bootID": "", "kernelVersion": "", "machineID": "", "systemUUID": "",
        },
    } });
    nodes.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
    // A node of the same name that was lost before may still carry the taint of its absence.
    nodes.patch(name, &PatchParams::default(), &Patch::Merge(json!({ "spec": { "taints": null, "unschedulable": null } }))).await?;
    Ok(())
}

fn memory_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    total.unwrap_or(1 << 20)
}

/// Renews the Lease and the Ready condition until shutdown. A failure is tried again at the next beat.
pub async fn heartbeat(client: Client, name: String, shutdown: CancellationToken) {
    let leases: Api<Lease> = Api::namespaced(client.clone(), LEASE_NAMESPACE);
    let nodes: Api<Node> = Api::all(client);
    loop {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": name },
            "spec": { "holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": MicroTime(jiff::Timestamp::now()) },
        });
        if let Err(error) = leases.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(lease)).await {
            tracing::debug!(%error, "The node's lease was not renewed.");
        }
        if let Err(error) = report_ready(&nodes, &name).await {
            tracing::debug!(%error, "The node's status was not renewed.");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}
