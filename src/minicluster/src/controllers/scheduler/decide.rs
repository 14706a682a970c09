//! Which pod goes where. Pure.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use kube::ResourceExt as _;

use crate::{
    controllers::common::{is_deleting, is_finished},
    quantity,
};

/// What becomes of a pending pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes to this node.
    Bind(String),
    /// It has to wait, for this reason.
    Wait(String),
}

type Amounts = BTreeMap<String, f64>;

/// Decides for every pod that is pending and not placed, oldest first.
pub fn decide<'a>(pods: &'a [Pod], nodes: &[Node]) -> Vec<(&'a Pod, Decision)> {
    let mut used: HashMap<String, Amounts> = HashMap::new();
    for pod in pods.iter().filter(|pod| !is_finished(pod)) {
        if let Some(node) = node_of(pod) {
            add(used.entry(node.to_owned()).or_default(), &requests(pod));
        }
    }
    let mut pending: Vec<&Pod> = pods.iter().filter(|pod| is_pending(pod)).collect();
    pending.sort_by_key(|pod| (pod.metadata.creation_timestamp.as_ref().map(|t| t.0), pod.name_any()));
    let mut decisions = Vec::new();
    for pod in pending {
        let wanted = requests(pod);
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        let mut best: Option<(f64, &Node)> = None;
        for node in nodes {
            let taken = used.get(&node.name_any()).cloned().unwrap_or_default();
            match fits(pod, &wanted, node, &taken) {
                // The node with the fewest pods keeps the load even.
                Ok(()) => {
                    let load = taken.get("pods").copied().unwrap_or_default();
                    if best.is_none_or(|(least, _)| load < least) {
                        best = Some((load, node));
                    }
                }
                Err(why) => *reasons.entry(why).or_default() += 1,
            }
        }
        decisions.push((
            pod,
            match best {
                Some((_, node)) => {
                    add(used.entry(node.name_any()).or_default(), &wanted);
                    Decision::Bind(node.name_any())
                }
                None => Decision::Wait(explain(nodes.len(), &reasons)),
            },
        ));
    }
    decisions
}

fn explain(nodes: usize, reasons: &BTreeMap<String, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let list = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect::<Vec<_>>().join(", ");
    format!("0/{nodes} nodes are available: {list}.")
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|name| !name.is_empty())
}

fn is_pending(pod: &Pod) -> bool {
    let spec = pod.spec.as_ref();
    let ours = spec.and_then(|s| s.scheduler_name.as_deref()).is_none_or(|name| name == "default-scheduler");
    let gated = spec.and_then(|s| s.scheduling_gates.as_ref()).is_some_and(|gates| !gates.is_empty());
    node_of(pod).is_none() && !is_deleting(pod) && !is_finished(pod) && ours && !gated
}

/// What a pod asks of a node, itself counted under `pods`.
fn requests(pod: &Pod) -> Amounts {
    let mut amounts = Amounts::from([("pods".to_owned(), 1.0)]);
    for container in pod.spec.iter().flat_map(|s| &s.containers) {
        let requested = container.resources.as_ref().and_then(|r| r.requests.as_ref());
        for (name, quantity) in requested.into_iter().flatten() {
            *amounts.entry(name.clone()).or_default() += quantity::parse(&quantity.0).unwrap_or_default();
        }
    }
    amounts
}

fn add(total: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *total.entry(name.clone()).or_default() += amount;
    }
}

/// Whether a pod may run on a node, or the scheduler's words for why not.
fn fits(pod: &Pod, wanted: &Amounts, node: &Node, taken: &Amounts) -> Result<(), String> {
    let status = node.status.as_ref();
    let ready = status
        .and_then(|s| s.conditions.as_ref())
        .is_some_and(|conditions| conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
    if !ready {
        return Err("node(s) were not ready".to_owned());
    }
    if node.spec.as_ref().and_then(|s| s.unschedulable) == Some(true) {
        return Err("node(s) were unschedulable".to_owned());
    }
    let selector = pod.spec.as_ref().and_then(|s| s.node_selector.as_ref());
    if selector.into_iter().flatten().any(|(key, value)| node.labels().get(key) != Some(value)) {
        return Err("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let tolerations = pod.spec.as_ref().and_then(|s| s.tolerations.as_deref()).unwrap_or_default();
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or_default();
    if let Some(taint) = taints.iter().find(|t| t.effect != "PreferNoSchedule" && !tolerated(t, tolerations)) {
        return Err(format!(
            "node(s) had untolerated taint {{{}: {}}}",
            taint.key,
            taint.value.clone().unwrap_or_default()
        ));
    }
    let allocatable = status.and_then(|s| s.allocatable.as_ref());
    for (name, amount) in wanted {
        let room = allocatable.and_then(|a| a.get(name)).and_then(|q| quantity::parse(&q.0)).unwrap_or_default();
        if taken.get(name).copied().unwrap_or_default() + amount > room {
            return Err(if name == "pods" { "Too many pods".to_owned() } else { format!("Insufficient {name}") });
        }
    }
    Ok(())
}

fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|t| {
        let effect = t.effect.as_deref().is_none_or(|e| e.is_empty() || e == taint.effect);
        let key = t.key.as_deref().unwrap_or_default();
        let exists = t.operator.as_deref() == Some("Exists");
        let value = exists || t.value.clone().unwrap_or_default() == taint.value.clone().unwrap_or_default();
        effect && value && (key == taint.key || (key.is_empty() && exists))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, spec: Value) -> Pod {
        let mut spec = spec;
        spec["containers"] = json!([{ "name": "c", "resources": spec["resources"] }]);
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec })).unwrap()
    }

    fn node(name: &str, ready: &str, extra: Value) -> Node {
        serde_json::from_value(json!({
            "metadata": { "name": name, "labels": { "disk": "ssd" } },
            "spec": extra,
            "status": {
                "allocatable": { "pods": "2", "cpu": "2", "nvidia.com/gpu": "1" },
                "conditions": [{ "type": "Ready", "status": ready }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn pods_go_only_where_they_may() {
        let good = node("good", "True", json!({}));
        for (spec, node, expected) in [
            (json!({}), &good, Ok("good")),
            (json!({}), &node("bad", "False", json!({})), Err("0/1 nodes are available: 1 node(s) were not ready.")),
            (json!({ "nodeSelector": { "disk": "ssd" } }), &good, Ok("good")),
            (
                json!({ "nodeSelector": { "disk": "hdd" } }),
                &good,
                Err("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
            ),
            (
                json!({ "resources": { "requests": { "nvidia.com/gpu": "2" } } }),
                &good,
                Err("0/1 nodes are available: 1 Insufficient nvidia.com/gpu."),
            ),
            (
                json!({ "tolerations": [{ "key": "a", "operator": "Exists" }] }),
                &node("tainted", "True", json!({ "taints": [{ "key": "a", "effect": "NoSchedule" }] })),
                Ok("tainted"),
            ),
        ] {
            let pods = [pod("p", spec.clone())];
            let decision = &decide(&pods, std::slice::from_ref(node))[0].1;
            let expected = match expected {
                Ok(node) => Decision::Bind(node.to_owned()),
                Err(why) => Decision::Wait(why.to_owned()),
            };
            assert_eq!(*decision, expected, "{spec}");
        }
    }

    #[test]
    fn room_is_shared_and_load_is_even() {
        let pods: Vec<Pod> = (0..5).map(|i| pod(&format!("p{i}"), json!({}))).collect();
        let nodes = [node("a", "True", json!({})), node("b", "True", json!({}))];
        let decisions: Vec<_> = decide(&pods, &nodes).into_iter().map(|(_, d)| d).collect();
        let placed = |name: &str| decisions.iter().filter(|d| **d == Decision::Bind(name.into())).count();
        assert_eq!((placed("a"), placed("b")), (2, 2));
        assert!(matches!(&decisions[4], Decision::Wait(why) if why.contains("2 Too many pods")));
    }
}
