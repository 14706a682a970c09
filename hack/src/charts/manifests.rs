//! The manifests, rendered from the charts.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::objects;
use super::tools::{KUBERNETES, Tools};
use crate::paths;

const HEAD: &str = "# Rendered from charts/ by `cargo dev charts --write`. Do not edit.\n";
/// Values with everything switched on.
pub(super) const EVERYTHING: &str = "charts/genesis/ci/everything-values.yaml";
const INSTALL: &str = "manifests/values/install.yaml";
const NAMESPACE_INSTALL: &str = "manifests/values/namespace-install.yaml";

/// The objects that one set of values gives.
pub(super) struct Rendering {
    /// What it is, for problems.
    pub(super) name: &'static str,
    /// Watches one namespace only.
    pub(super) namespaced: bool,
    /// The objects.
    pub(super) objects: Vec<Value>,
    /// The same as text.
    pub(super) text: String,
}

/// The generated manifests with their content.
pub(super) fn files(tools: &Tools) -> Result<Vec<(PathBuf, String)>> {
    let folder = paths::root().join("manifests");
    let path = folder.join("namespace.yaml");
    let namespace = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let definitions = template(tools, "genesis-crds", None)?;
    let install = template(tools, "genesis", Some(INSTALL))?;
    let namespace_install = template(tools, "genesis", Some(NAMESPACE_INSTALL))?;
    Ok(vec![
        (folder.join("install.yaml"), format!("{HEAD}---\n{namespace}{definitions}{install}")),
        (folder.join("namespace-install.yaml"), format!("{HEAD}{namespace_install}")),
    ])
}

/// The main chart with the values that matter.
pub(super) fn renderings(tools: &Tools) -> Result<Vec<Rendering>> {
    let cases = [
        ("default values", false, None),
        ("install", false, Some(INSTALL)),
        ("namespace-install", true, Some(NAMESPACE_INSTALL)),
        ("everything on", true, Some(EVERYTHING)),
    ];
    let render = |(name, namespaced, values): (&'static str, bool, Option<&str>)| -> Result<Rendering> {
        let text = template(tools, "genesis", values)?;
        let objects = objects::read(&text).with_context(|| format!("read the objects of {name}"))?;
        Ok(Rendering { name, namespaced, objects, text })
    };
    cases.into_iter().map(render).collect()
}

fn template(tools: &Tools, chart: &str, values: Option<&str>) -> Result<String> {
    let folder = format!("charts/{chart}");
    let mut words = vec!["template", chart, &folder, "--namespace", "genesis-system", "--kube-version", KUBERNETES];
    if let Some(values) = values {
        words.extend(["--values", values]);
    }
    tools.output("helm", &words)
}
