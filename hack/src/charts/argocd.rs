//! Argo CD's patch: the scripts of `manifests/argocd` in one ConfigMap.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use genesis_api::names::GROUP;

use crate::paths;

/// The kinds that have scripts.
pub(super) const KINDS: [&str; 4] = ["Evaluation", "GenesisModel", "Rollout", "TrainingRun"];

const HEAD: &str = "\
# Rendered from the scripts beside it by `cargo dev charts --write`. Do not edit.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels:
    app.kubernetes.io/name: argocd-cm
    app.kubernetes.io/part-of: argocd
data:
";

/// The folder of the scripts.
pub(super) fn folder() -> PathBuf {
    paths::root().join("manifests/argocd")
}

/// The script that judges a kind's health.
pub(super) fn health(kind: &str) -> Result<String> {
    script(&folder().join(kind).join("health.lua"))
}

/// The script that says which actions are offered.
pub(super) fn discovery(kind: &str) -> Result<String> {
    script(&folder().join(kind).join("actions/discovery.lua"))
}

/// The script of an action.
pub(super) fn action(kind: &str, name: &str) -> Result<String> {
    script(&folder().join(kind).join("actions").join(name).join("action.lua"))
}

/// The names of a kind's actions, in order.
pub(super) fn actions(kind: &str) -> Result<Vec<String>> {
    let path = folder().join(kind).join("actions");
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).with_context(|| format!("read {}", path.display()))? {
        let entry = entry?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The patch, and where it belongs.
pub(super) fn patch() -> Result<(PathBuf, String)> {
    let mut text = HEAD.to_owned();
    for kind in KINDS {
        text.push_str(&format!("  resource.customizations.health.{GROUP}_{kind}: |\n"));
        text.push_str(&indented(&health(kind)?, 4));
        text.push_str(&format!("  resource.customizations.actions.{GROUP}_{kind}: |\n    discovery.lua: |\n"));
        text.push_str(&indented(&discovery(kind)?, 6));
        text.push_str("    definitions:\n");
        for name in actions(kind)? {
            text.push_str(&format!("      - name: {name}\n        action.lua: |\n"));
            text.push_str(&indented(&action(kind, &name)?, 10));
        }
    }
    Ok((folder().join("argocd-cm.yaml"), text))
}

fn script(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

fn indented(text: &str, by: usize) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{:by$}{line}\n", "") };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_patch_holds_the_scripts_as_they_are() {
        let (_, text) = patch().unwrap();
        let patch: Value = serde_yaml::from_str(&text).unwrap();
        for kind in KINDS {
            let health_of_it = &patch["data"][format!("resource.customizations.health.{GROUP}_{kind}")];
            assert_eq!(health_of_it.as_str().unwrap(), health(kind).unwrap());
            let actions_of_it = &patch["data"][format!("resource.customizations.actions.{GROUP}_{kind}")];
            let nested: Value = serde_yaml::from_str(actions_of_it.as_str().unwrap()).unwrap();
            assert_eq!(nested["discovery.lua"].as_str().unwrap(), discovery(kind).unwrap());
            assert_eq!(nested["definitions"].as_array().unwrap().len(), actions(kind).unwrap().len());
        }
    }
}
