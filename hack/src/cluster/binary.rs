use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genesis_core::Digest;

use crate::paths;

const VERSION: &str = "v1.35.4";
const SOURCES: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// The control plane's binary, built where it is not in the cache yet (about nine minutes of processor time).
pub fn binary() -> Result<PathBuf> {
    let source = paths::root().join("hack/cluster");
    let cached = paths::cache().join(format!("kube-{VERSION}-{}", key(&source)?)).join("kube");
    if !cached.exists() {
        build(&source, &cached)?;
    }
    Ok(cached)
}

/// A kubectl command line of the same version.
pub fn kubectl(kubeconfig: &Path) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.arg("kubectl").env("KUBECONFIG", kubeconfig);
    Ok(command)
}

fn key(source: &Path) -> Result<String> {
    let files = SOURCES
        .iter()
        .map(|name| {
            let path = source.join(name);
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            Ok(((*name).to_owned(), Digest::of_bytes(&bytes)))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Digest::of_directory(&files).short().to_owned())
}

fn build(source: &Path, cached: &Path) -> Result<()> {
    let folder = cached.parent().context("the cache has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let staged = folder.join(format!("kube.{}", std::process::id()));
    eprintln!("Building Kubernetes {VERSION} into {} (once, about nine minutes of processor time).", folder.display());
    let version = "k8s.io/component-base/version";
    let flags = format!("-s -w -X {version}.gitVersion={VERSION} -X {version}.gitMajor=1 -X {version}.gitMinor=35");
    let status = Command::new("go")
        .args(["build", "-p", "2", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(&staged)
        .arg(".")
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly")
        .status()
        .context("run go build: is Go 1.25 or newer installed?")?;
    ensure!(status.success(), "go build of the control plane failed");
    fs::rename(&staged, cached).with_context(|| format!("move to {}", cached.display()))
}
