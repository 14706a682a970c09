use serde_json::Value;

use super::super::manifests::Rendering;
use super::super::objects::{at, has_labels, list, namespace, text, title};
use super::{Found, of_kind, with_pods};

/// The name of the one port that may be reached from outside.
const PUBLIC: &str = "http";

/// Every Service and every PodDisruptionBudget selects the pods of one workload.
pub(super) fn lead(rendering: &Rendering) -> Found {
    let mut found = Found::default();
    for service in of_kind(rendering, "Service") {
        found.looked_at += 1;
        let pods = selected(rendering, service, at(service, &["spec", "selector"]));
        found.expect(pods.len() == 1, || format!("{} selects {} workloads", title(service), pods.len()));
        for port in list(service, &["spec", "ports"]) {
            let target = text(port, &["targetPort"]);
            let there = pods
                .iter()
                .flat_map(|template| list(template, &["spec", "containers"]))
                .any(|container| list(container, &["ports"]).iter().any(|port| text(port, &["name"]) == target));
            found.expect(there, || format!("{} leads to no port {target:?}", title(service)));
            let inside = text(service, &["spec", "type"]) == "ClusterIP";
            found.expect(inside || target == PUBLIC, || format!("{} opens {target} to the outside", title(service)));
        }
    }
    for budget in of_kind(rendering, "PodDisruptionBudget") {
        found.looked_at += 1;
        let pods = selected(rendering, budget, at(budget, &["spec", "selector", "matchLabels"]));
        found.expect(pods.len() == 1, || format!("{} selects {} workloads", title(budget), pods.len()));
    }
    found
}

fn selected<'a>(rendering: &'a Rendering, object: &Value, labels: &Value) -> Vec<&'a Value> {
    with_pods(rendering)
        .filter(|(owner, template)| {
            namespace(owner) == namespace(object) && has_labels(at(template, &["metadata", "labels"]), labels)
        })
        .map(|(_, template)| template)
        .collect()
}
