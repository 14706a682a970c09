//! The Node object and its Lease.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Node};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::context::Context;

/// Address of the machine as the node reports it.
pub const HOST_IP: &str = "127.0.0.1";

/// A Lease not renewed for this long means that the node is gone (kubelet's default).
const LEASE_SECONDS: i32 = 40;

/// How often the Lease is renewed.
const RENEW_PERIOD: Duration = Duration::from_secs(10);

/// Requests are a scheduling aid here: processes share the machine, so it is offered several times over.
const OVERCOMMIT: u64 = 16;

const MANAGER: &str = "genesis-node";

/// Writes the Node object and its status.
pub async fn register(context: &Context) -> kube::Result<()> {
    let name = &context.options.name;
    let nodes: Api<Node> = Api::all(context.client.clone());
    let parameters = PatchParams::apply(MANAGER).force();
    nodes.patch(name, &parameters, &Patch::Apply(node(context))).await?;
    let status = json!({ "apiVersion": "v1", "kind": "Node", "status": status(context) });
    nodes.patch_status(name, &parameters, &Patch::Apply(status)).await?;
    renew(context).await
}

/// Renews the Lease for as long as it is polled.
pub async fn heartbeat(context: Arc<Context>) {
    loop {
        tokio::time::sleep(RENEW_PERIOD).await;
        if let Err(error) = renew(&context).await {
            tracing::debug!(%error, "the node's lease was not renewed; trying again");
        }
    }
}

async fn renew(context: &Context) -> kube::Result<()> {
    let name = &context.options.name;
    let leases: Api<Lease> = Api::namespaced(context.client.clone(), "kube-node-lease");
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": name },
        "spec": {
            "holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        },
    });
    leases.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(lease)).await.map(drop)
}

fn node(context: &Context) -> Value {
    let options = &context.options;
    let mut labels = BTreeMap::from([
        ("kubernetes.io/hostname".to_owned(), options.name.clone()),
        ("kubernetes.io/os".to_owned(), "linux".to_owned()),
        ("kubernetes.io/arch".to_owned(), architecture().to_owned()),
        ("genesis.truth.si/virtual-kubelet".to_owned(), "true".to_owned()),
    ]);
    labels.extend(options.labels.clone());
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": options.name, "labels": labels },
    });
    if options.tainted {
        node["spec"]["taints"] =
            json!([{ "key": "genesis.truth.si/virtual-kubelet", "value": "true", "effect": "NoSchedule" }]);
    }
    node
}

fn status(context: &Context) -> Value {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut capacity = BTreeMap::from([
        ("cpu".to_owned(), (cpus * OVERCOMMIT).to_string()),
        ("memory".to_owned(), format!("{}Ki", memory_kib() * OVERCOMMIT)),
        ("pods".to_owned(), "500".to_owned()),
        ("ephemeral-storage".to_owned(), "1Ti".to_owned()),
    ]);
    capacity.extend(context.options.extended_resources.clone());
    let read = |path: &str| fs::read_to_string(path).map(|t| t.trim().to_owned()).unwrap_or_default();
    json!({
        "capacity": capacity,
        "allocatable": capacity,
        "addresses": [
            { "type": "InternalIP", "address": HOST_IP },
            { "type": "Hostname", "address": context.options.name },
        ],
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "the virtual kubelet is posting ready status"),
        ],
        "nodeInfo": {
            "machineID": read("/etc/machine-id"), "systemUUID": "", "bootID": read("/proc/sys/kernel/random/boot_id"),
            "kernelVersion": read("/proc/sys/kernel/osrelease"), "osImage": "local processes",
            "containerRuntimeVersion": "process://1", "kubeletVersion": "v1.35.4-genesis", "kubeProxyVersion": "",
            "operatingSystem": "linux", "architecture": architecture(),
        },
    })
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `MemTotal` of proc(5) in KiB.
fn memory_kib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    total.and_then(|t| t.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(1 << 20)
}
