//! The artifact store of the release, seen from outside.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::WalkDir;

use super::kubectl::Kubectl;

/// The claim that the chart makes for the store.
const CLAIM: &str = "genesis-artifacts";
/// The user of the pods.
const USER: u32 = 65_532;

/// Copies a store into the volume of the claim, as the pods' user.
pub(super) fn fill(kubectl: &Kubectl, from: &Path) -> Result<()> {
    let to = folder(kubectl)?;
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copy to {}", target.display()))?;
        }
        chown(&target, Some(USER), Some(USER))?;
    }
    Ok(())
}

/// The folder of the node behind the claim.
fn folder(kubectl: &Kubectl) -> Result<PathBuf> {
    let name = kubectl.run(&["get", "persistentvolumeclaim", CLAIM, "--output", "jsonpath={.spec.volumeName}"])?;
    let path = kubectl.run(&["get", "persistentvolume", &name, "--output", "jsonpath={.spec.hostPath.path}"])?;
    Ok(path.into())
}
