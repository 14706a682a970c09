//! The command line tools: helm, helm-unittest, kubeconform and glua, built from `hack/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::golang::GoModule;
use crate::paths;

/// The version of Kubernetes that charts are rendered for.
pub(super) const KUBERNETES: &str = "1.35.4";

const PROGRAMS: [(&str, &str); 4] = [
    ("helm", "helm.sh/helm/v3/cmd/helm"),
    ("helm-unittest", "github.com/helm-unittest/helm-unittest/cmd/helm-unittest"),
    ("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),
    ("glua", "github.com/yuin/gopher-lua/cmd/glua"),
];

/// The tools, ready to run.
pub(crate) struct Tools {
    folder: PathBuf,
    scratch: PathBuf,
}

/// What came of running one.
pub(super) struct Ran {
    /// The exit code was 0.
    pub(super) success: bool,
    /// Standard output.
    pub(super) stdout: String,
    /// Standard error.
    pub(super) stderr: String,
}

impl Tools {
    /// Builds those that are not in the cache yet.
    pub(crate) fn build() -> Result<Self> {
        // Without these flags helm takes the cluster for Kubernetes 1.20.
        let version = |package: &str| {
            format!("-X helm.sh/helm/v3/{package}.k8sVersionMajor=1 -X helm.sh/helm/v3/{package}.k8sVersionMinor=35")
        };
        let module = GoModule {
            folder: "hack/tools",
            sources: &["go.mod", "go.sum"],
            cached_as: "chart-tools",
            programs: &PROGRAMS,
            tags: "",
            link_flags: &format!("-s -w {} {}", version("pkg/lint/rules"), version("pkg/chartutil")),
            patches: &[],
            takes: "about five minutes of processor time",
        };
        let scratch = paths::root().join("target/charts");
        fs::create_dir_all(&scratch).with_context(|| format!("create {}", scratch.display()))?;
        Ok(Self { folder: module.build()?, scratch })
    }

    /// A folder for files that only a check needs.
    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Runs one at the root of the repository. That it fails is a finding, not an error.
    pub(super) fn run(&self, name: &str, words: &[&str]) -> Result<Ran> {
        let mut command = Command::new(self.folder.join(name));
        command.args(words).current_dir(paths::root());
        // Nothing of the user's: plugins, repositories and contexts would change what comes out.
        for (variable, folder) in
            [("HELM_CONFIG_HOME", "config"), ("HELM_CACHE_HOME", "cache"), ("HELM_DATA_HOME", "data")]
        {
            command.env(variable, self.scratch.join("helm").join(folder));
        }
        command.env("KUBECONFIG", self.scratch.join("no-kubeconfig"));
        let output = command.output().with_context(|| format!("run {name}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ran { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// The standard output of one that must not fail.
    pub(crate) fn output(&self, name: &str, words: &[&str]) -> Result<String> {
        let ran = self.run(name, words)?;
        ensure!(ran.success, "{name} {} failed:\n{}", words.join(" "), ran.stderr);
        Ok(ran.stdout)
    }
}

impl Ran {
    /// What it said, where it failed.
    pub(super) fn problem(&self) -> Option<String> {
        (!self.success).then(|| format!("{}{}", self.stdout, self.stderr))
    }
}
