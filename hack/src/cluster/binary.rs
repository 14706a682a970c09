use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::golang::GoModule;

/// Version of the control plane.
pub const VERSION: &str = "v1.35.4";

/// The control plane's binary, built where it is not in the cache yet (about nine minutes of processor time).
pub fn binary() -> Result<PathBuf> {
    let version = "k8s.io/component-base/version";
    let module = GoModule {
        folder: "hack/cluster",
        sources: &["go.mod", "go.sum", "main.go"],
        cached_as: &format!("kube-{VERSION}"),
        programs: &[("kube", ".")],
        tags: "",
        link_flags: &format!(
            "-s -w -X {version}.gitVersion={VERSION} -X {version}.gitMajor=1 -X {version}.gitMinor=35"
        ),
        patches: &[],
        takes: "about nine minutes of processor time",
    };
    Ok(module.build()?.join("kube"))
}

/// A kubectl command line of the same version.
pub fn kubectl(kubeconfig: &Path) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.arg("kubectl").env("KUBECONFIG", kubeconfig);
    Ok(command)
}
