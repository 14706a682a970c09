//! Helm, as an administrator uses it.

use std::path::Path;

use anyhow::Result;

use super::NAMESPACE;
use crate::charts::Tools;

/// Helm for one cluster.
pub(super) struct Helm {
    tools: Tools,
    kubeconfig: String,
}

impl Helm {
    pub(super) fn new(kubeconfig: &Path) -> Result<Self> {
        Ok(Self { tools: Tools::build()?, kubeconfig: kubeconfig.display().to_string() })
    }

    /// Installs or upgrades one of the two charts and waits until its pods are ready.
    pub(super) fn install(&self, chart: &str, values: &[&str]) -> Result<()> {
        let folder = format!("charts/{chart}");
        let mut words = vec!["upgrade", "--install", chart, &folder, "--create-namespace", "--wait", "--timeout", "4m"];
        words.extend(values.iter().flat_map(|value| ["--set", value]));
        self.run(&words)
    }

    /// Uninstalls one and waits until its objects have gone.
    pub(super) fn uninstall(&self, chart: &str) -> Result<()> {
        self.run(&["uninstall", chart, "--wait", "--timeout", "2m"])
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        let all = [words, &["--namespace", NAMESPACE, "--kubeconfig", &self.kubeconfig]].concat();
        self.tools.output("helm", &all).map(drop)
    }
}
