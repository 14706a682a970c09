//! Helpers of the tests that run whole clusters.

use std::{fmt::Debug, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::{Value, json};

use crate::{Minicluster, Options};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A minicluster in memory whose containers run the machine's own programs.
pub async fn start() -> Minicluster {
    Minicluster::start(Options::in_memory("/nonexistent")).await.unwrap()
}

/// Parses a typed object.
pub fn typed<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

/// A pod spec that runs `script` in a shell.
pub fn shell(script: &str, restart_policy: &str) -> Value {
    json!({
        "restartPolicy": restart_policy, "terminationGracePeriodSeconds": 2,
        "containers": [{ "name": "main", "image": "local", "command": ["/bin/sh", "-c", script] }],
    })
}

/// Waits until `probe` gives something.
pub async fn eventually<T, F>(what: &str, mut probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until an object satisfies `holds`.
pub async fn until<K>(api: &Api<K>, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> K
where
    K: Clone + Debug + serde::de::DeserializeOwned,
{
    let holds = &holds;
    eventually(what, || async move { api.get_opt(name).await.unwrap().filter(holds) }).await
}

/// Waits until the pods that match `labels` satisfy `holds`.
pub async fn pods_until(api: &Api<Pod>, labels: &str, what: &str, holds: impl Fn(&[Pod]) -> bool) -> Vec<Pod> {
    let holds = &holds;
    eventually(what, || async move {
        let pods = api.list(&ListParams::default().labels(labels)).await.unwrap().items;
        holds(&pods).then_some(pods)
    })
    .await
}

/// A pod's phase.
pub fn phase(pod: &Pod) -> String {
    pod.status.as_ref().and_then(|s| s.phase.clone()).unwrap_or_default()
}

/// Whether a pod is ready.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Names of pods, sorted.
pub fn names(pods: &[Pod]) -> Vec<String> {
    let mut names: Vec<_> = pods.iter().map(|p| p.name_any()).collect();
    names.sort();
    names
}
