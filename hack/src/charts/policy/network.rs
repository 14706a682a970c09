use std::collections::BTreeSet;

use genesis_api::names::ROLE_LABEL;
use serde_json::{Value, json};

use super::super::manifests::Rendering;
use super::super::objects::{at, has_labels, list, name, namespace, title};
use super::{Found, of_kind, with_pods};

/// For every pod there is a policy that allows nothing in either direction; and no policy speaks of all pods of a
/// namespace, or lets everybody reach more than the public API.
pub(super) fn denied(rendering: &Rendering) -> Found {
    let mut found = Found::default();
    let policies: Vec<&Value> = of_kind(rendering, "NetworkPolicy").collect();
    let closed: Vec<&Value> = policies.iter().copied().filter(|policy| denies_all(policy)).collect();
    for (owner, template) in with_pods(rendering) {
        found.looked_at += 1;
        let labels = at(template, &["metadata", "labels"]);
        let covered = closed.iter().any(|policy| {
            let wanted = at(policy, &["spec", "podSelector", "matchLabels"]);
            namespace(policy) == namespace(owner) && has_labels(labels, wanted)
        });
        found.expect(covered, || format!("nothing denies the traffic of {}", title(owner)));
    }
    // The pods that the operator makes have this label; a namespace with a policy for some must have one for all.
    let every_role = json!([{ "key": ROLE_LABEL, "operator": "Exists" }]);
    let with_models: BTreeSet<&str> =
        policies.iter().filter(|policy| name(policy).contains("-models-")).map(|policy| namespace(policy)).collect();
    found.expect(!with_models.is_empty(), || "no policy speaks of the pods of models".to_owned());
    for space in with_models {
        found.looked_at += 1;
        let covered = closed.iter().any(|policy| {
            namespace(policy) == space && at(policy, &["spec", "podSelector", "matchExpressions"]) == &every_role
        });
        found.expect(covered, || format!("nothing denies the traffic of models in {space}"));
    }
    for policy in policies {
        found.looked_at += 1;
        let selector = at(policy, &["spec", "podSelector"]);
        let some = selector.as_object().is_some_and(|fields| !fields.is_empty());
        found.expect(some, || format!("{} speaks of all pods of its namespace", title(policy)));
        for rule in list(policy, &["spec", "ingress"]) {
            let public = list(rule, &["ports"]) == [json!({ "port": 8000, "protocol": "TCP" })];
            let named = !list(rule, &["from"]).is_empty();
            found.expect(named || public, || format!("{} lets everybody in", title(policy)));
        }
        for rule in list(policy, &["spec", "egress"]) {
            found.expect(!list(rule, &["ports"]).is_empty(), || format!("{} opens all ports out", title(policy)));
        }
    }
    found
}

fn denies_all(policy: &Value) -> bool {
    let both = list(policy, &["spec", "policyTypes"]);
    both.contains(&json!("Ingress"))
        && both.contains(&json!("Egress"))
        && at(policy, &["spec", "ingress"]).is_null()
        && at(policy, &["spec", "egress"]).is_null()
}
