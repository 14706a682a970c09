//! The scheduler: binds pending pods to ready nodes that have room for them.

mod decide;

use std::{collections::HashMap, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::json;

use self::decide::{Decision, decide};

/// Several changes at once are one pass.
const SETTLE: Duration = Duration::from_millis(5);

/// A pass that failed is repeated after this.
const RETRY: Duration = Duration::from_millis(500);

/// Runs the scheduler.
pub async fn run(client: Client) {
    let pods: Api<Pod> = Api::all(client.clone());
    let nodes: Api<Node> = Api::all(client.clone());
    let pod_changes = watcher(pods, watcher::Config::default()).default_backoff().map(drop);
    let node_changes = watcher(nodes, watcher::Config::default()).default_backoff().map(drop);
    let mut changes = std::pin::pin!(futures::stream::select(pod_changes, node_changes).ready_chunks(1024));
    let mut told = HashMap::new();
    while changes.next().await.is_some() {
        tokio::time::sleep(SETTLE).await;
        while let Err(error) = pass(&client, &mut told).await {
            tracing::debug!(%error, "a scheduling pass is repeated");
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Places every pending pod that can be placed. `told` holds what was said about the others.
async fn pass(client: &Client, told: &mut HashMap<String, String>) -> Result<(), kube::Error> {
    let all: Api<Pod> = Api::all(client.clone());
    let pods = all.list(&ListParams::default()).await?.items;
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await?.items;
    told.retain(|uid, _| pods.iter().any(|pod| pod.uid().as_deref() == Some(uid)));
    for (pod, decision) in decide(&pods, &nodes) {
        let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
        match decision {
            Decision::Bind(node) => super::common::ignore_gone(bind(&api, pod, &node).await)?,
            Decision::Wait(why) => {
                let uid = pod.uid().unwrap_or_default();
                if told.get(&uid) != Some(&why) {
                    super::common::ignore_gone(tell(&api, pod, &why).await)?;
                    told.insert(uid, why);
                }
            }
        }
    }
    Ok(())
}

async fn bind(api: &Api<Pod>, pod: &Pod, node: &str) -> Result<(), kube::Error> {
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding",
        "metadata": { "name": pod.name_any(), "namespace": pod.namespace(), "uid": pod.uid() },
        "target": { "apiVersion": "v1", "kind": "Node", "name": node },
    });
    let parameters = PostParams::default();
    api.create_subresource::<_, serde_json::Value>("binding", &pod.name_any(), &parameters, &binding).await.map(drop)
}

async fn tell(api: &Api<Pod>, pod: &Pod, why: &str) -> Result<(), kube::Error> {
    let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why });
    let patch = json!({ "status": { "conditions": [condition] } });
    api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(patch)).await.map(drop)
}
