//! `cargo dev layers`: dependencies point in one direction only, and heavy libraries stay where they belong.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::paths;

/// Each crate with the crates of the workspace it may use. What is not listed is forbidden.
const ALLOWED: &[(&str, &[&str])] = &[
    ("genesis-core", &[]),
    ("genesis-artifacts", &["genesis-core"]),
    ("genesis-api", &["genesis-core"]),
    ("genesis-client", &["genesis-core"]),
    ("genesis-tasks", &["genesis-core"]),
    ("genesis-ledger", &["genesis-core"]),
    ("genesis-gate", &["genesis-core"]),
    ("genesis-sandbox", &["genesis-core"]),
    ("genesis-model", &["genesis-core", "genesis-artifacts", "genesis-client"]),
    ("genesis-evaluator", &["genesis-core", "genesis-artifacts", "genesis-client", "genesis-sandbox", "genesis-tasks"]),
    ("genesis-operator", &["genesis-core", "genesis-api", "genesis-artifacts", "genesis-client"]),
    (
        "genesis-gateway",
        &[
            "genesis-core",
            "genesis-api",
            "genesis-artifacts",
            "genesis-client",
            "genesis-gate",
            "genesis-ledger",
            "genesis-sandbox",
        ],
    ),
    ("genesis-kubectl", &["genesis-core", "genesis-api"]),
    ("genesis-minicluster", &[]),
];

/// Crates at the top may use all others.
const TOP: &[&str] = &["genesis", "genesis-e2e", "hack"];

/// Libraries that a crate must not use, with the reason.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "genesis-core",
        &["tokio", "kube", "reqwest", "axum", "sqlx", "burn", "jiff"],
        "the domain is pure: no I/O, no clock",
    ),
    ("genesis-api", &["tokio", "reqwest", "axum"], "types do not talk to a cluster"),
    ("genesis-operator", &["burn", "sqlx"], "the operator neither computes models nor opens a store"),
    ("genesis-gateway", &["burn", "sqlx"], "the gateway speaks to models over HTTP and to stores through the ledger"),
    ("genesis-kubectl", &["axum", "reqwest", "burn", "sqlx"], "the plugin speaks to the Kubernetes API only"),
    ("genesis-sandbox", &["kube", "axum", "tokio", "reqwest"], "the sandbox is a small static binary"),
    ("genesis-model", &["kube", "sqlx"], "training and inference know nothing of the cluster"),
    ("genesis-gate", &["tokio", "kube", "reqwest"], "the gate never executes anything and never waits"),
    ("genesis-tasks", &["tokio", "kube", "reqwest"], "tasks are data"),
];

/// Reads `cargo metadata` and fails on any other arrow.
pub fn check() -> Result<usize> {
    let metadata = MetadataCommand::new().manifest_path(paths::root().join("Cargo.toml")).no_deps().exec()?;
    let packages: Vec<&Package> = metadata.packages.iter().collect();
    let violations = violations(&packages);
    if violations.is_empty() { Ok(packages.len()) } else { bail!("{}", violations.join("\n")) }
}

fn violations(packages: &[&Package]) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut found = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        let uses = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal).map(|d| d.name.as_str());
        let uses: Vec<&str> = uses.collect();
        let ours = uses.iter().filter(|used| packages.iter().any(|other| other.name.as_str() == **used));
        match allowed.get(name) {
            Some(allowed) => found.extend(
                ours.filter(|used| !allowed.contains(used)).map(|used| format!("{name} must not depend on {used}")),
            ),
            None if TOP.contains(&name) => {}
            None => found.push(format!("{name} is not in the table of layers: add it to hack/src/layers.rs")),
        }
        for (of, libraries, why) in FORBIDDEN {
            if *of == name {
                let bad = libraries.iter().filter(|library| uses.contains(library));
                found.extend(bad.map(|library| format!("{name} must not use {library}: {why}")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_keeps_to_its_layers() {
        super::check().unwrap();
    }

    #[test]
    fn a_wrong_arrow_is_named() {
        let metadata = cargo_metadata::MetadataCommand::new()
            .manifest_path(crate::paths::root().join("Cargo.toml"))
            .no_deps()
            .exec()
            .unwrap();
        let mut core = metadata.packages.iter().find(|p| p.name.as_str() == "genesis-core").unwrap().clone();
        let operator = metadata.packages.iter().find(|p| p.name.as_str() == "genesis-operator").unwrap();
        core.dependencies
            .extend(operator.dependencies.iter().filter(|d| d.name == "genesis-api" || d.name == "kube").cloned());
        let api = metadata.packages.iter().find(|p| p.name.as_str() == "genesis-api").unwrap();
        let found = super::violations(&[&core, api]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("genesis-core must not depend on genesis-api") && found[1].contains("must not use kube")
        );
    }
}
