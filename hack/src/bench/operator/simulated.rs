//! Simulated nodes: kwok answers for their kubelets.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use crate::golang::GoModule;
use crate::paths;

/// Pods that one node takes: its addresses are 254.
const PODS: usize = 150;

/// kwok as a process. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Kwok(Child);

impl Kwok {
    /// Starts it.
    pub(super) fn start(kubeconfig: &Path, folder: &Path) -> Result<Self> {
        let module = GoModule {
            folder: "hack/bench/kwok",
            sources: &["go.mod", "go.sum"],
            cached_as: "kwok",
            programs: &[("kwok", "sigs.k8s.io/kwok/cmd/kwok")],
            tags: "",
            link_flags: "-s -w",
            patches: &[],
            takes: "about two minutes of processor time",
        };
        let program = module.build()?.join("kwok");
        let path = folder.join("kwok.log");
        let log = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let child = Command::new(program)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--config")
            .arg(paths::root().join("hack/bench/kwok/stages.yaml"))
            .args(["--manage-all-nodes=true", "--node-lease-duration-seconds=40"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("start kwok")?;
        Ok(Self(child))
    }
}

impl Drop for Kwok {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes nodes for so many pods. Their pods have addresses of this machine's loopback, each its own: there the played
/// servers answer.
pub(super) async fn nodes(client: &Client, pods: usize) -> Result<usize> {
    let count = pods.div_ceil(PODS / 2).clamp(2, 250);
    let quantities = json!({ "cpu": "1000", "memory": "1Ti", "pods": PODS.to_string() });
    for number in 1..=count {
        let node: Node = serde_json::from_value(json!({
            "metadata": { "name": format!("simulated-{number}") },
            "spec": { "podCIDR": format!("127.64.{number}.0/24"), "podCIDRs": [format!("127.64.{number}.0/24")] },
            "status": { "allocatable": quantities, "capacity": quantities },
        }))?;
        Api::all(client.clone()).create(&PostParams::default(), &node).await?;
    }
    Ok(count)
}
