use std::collections::BTreeSet;

use serde_json::Value;

use super::super::manifests::Rendering;
use super::super::objects::{at, kind, list, name, namespace, text, title};
use super::{Found, of_kind, with_pods};

/// Verbs by which one gives oneself rights, takes another's, or deletes what one does not see.
const RAISING: [&str; 4] = ["bind", "escalate", "impersonate", "deletecollection"];
const SECRET: [&str; 3] = ["secrets", "serviceaccounts/token", "pods/exec"];

/// Rules name what they allow.
pub(super) fn roles(rendering: &Rendering) -> Found {
    let mut found = Found::default();
    for role in of_kind(rendering, "ClusterRole").chain(of_kind(rendering, "Role")) {
        found.expect(!list(role, &["rules"]).is_empty(), || format!("{} allows nothing", title(role)));
        for rule in list(role, &["rules"]) {
            found.looked_at += 1;
            for part in ["apiGroups", "resources", "verbs", "nonResourceURLs"] {
                for word in list(rule, &[part]).iter().filter_map(Value::as_str) {
                    found.expect(!word.contains('*'), || format!("{}: {part} has a wildcard", title(role)));
                    found.expect(!RAISING.contains(&word), || format!("{}: verb {word}", title(role)));
                    let only_made = list(rule, &["verbs"]) == [Value::from("create")] && word == "secrets";
                    let hidden = !SECRET.contains(&word) || only_made;
                    found.expect(hidden, || format!("{}: access to {word}", title(role)));
                }
            }
        }
    }
    found
}

/// A release for one namespace asks for no rights beyond it.
pub(super) fn scope(rendering: &Rendering) -> Found {
    let mut found = Found::default();
    for object in &rendering.objects {
        found.looked_at += 1;
        let cluster_wide = kind(object).starts_with("Cluster");
        found.expect(cluster_wide || !namespace(object).is_empty(), || format!("{} names no namespace", title(object)));
        found.expect(!(cluster_wide && rendering.namespaced), || format!("{} is cluster-wide", title(object)));
    }
    found
}

/// Every pod and every binding names an account that is rendered with it.
pub(super) fn accounts(rendering: &Rendering) -> Found {
    let mut found = Found::default();
    let accounts: BTreeSet<(&str, &str)> =
        of_kind(rendering, "ServiceAccount").map(|account| (namespace(account), name(account))).collect();
    for account in of_kind(rendering, "ServiceAccount") {
        let silent = at(account, &["automountServiceAccountToken"]) == &Value::Bool(false);
        found.expect(silent, || format!("{} hands out tokens by itself", title(account)));
    }
    for (owner, template) in with_pods(rendering) {
        found.looked_at += 1;
        let account = text(template, &["spec", "serviceAccountName"]);
        let ours = account != "default" && accounts.contains(&(namespace(owner), account));
        found.expect(ours, || format!("{} runs as {account:?}", title(owner)));
        let said = at(template, &["spec", "automountServiceAccountToken"]).is_boolean();
        found.expect(said, || format!("{} does not say whether it needs a token", title(owner)));
    }
    for binding in of_kind(rendering, "ClusterRoleBinding").chain(of_kind(rendering, "RoleBinding")) {
        for subject in list(binding, &["subjects"]) {
            found.looked_at += 1;
            let ours = kind(subject) == "ServiceAccount"
                && accounts.contains(&(text(subject, &["namespace"]), text(subject, &["name"])));
            found.expect(ours, || format!("{} binds somebody else: {subject}", title(binding)));
        }
    }
    found
}
