//! `cargo dev generate`: files that are made from the types, and the check that they are up to date.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Every generated file with its content.
fn files() -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for crd in genesis_api::crds() {
        let name = crd.spec.names.plural.clone();
        let text =
            format!("# Generated from src/api by `make generate`. Do not edit.\n{}", serde_yaml::to_string(&crd)?);
        files.push((paths::root().join("crds").join(format!("{name}.yaml")), text));
    }
    Ok(files)
}

/// Writes them; gives back how many had to change.
pub fn write() -> Result<usize> {
    let mut changed = 0;
    for (path, text) in files()? {
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::create_dir_all(path.parent().context("a generated file has a folder")?)?;
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        changed += 1;
    }
    Ok(changed)
}

/// Fails where a committed file is not what the types say.
pub fn check() -> Result<usize> {
    let files = files()?;
    let stale = |(path, text): &&(PathBuf, String)| fs::read_to_string(path).map_or(true, |old| old != *text);
    let stale: Vec<String> = files.iter().filter(stale).map(|(path, _)| path.display().to_string()).collect();
    if stale.is_empty() { Ok(files.len()) } else { bail!("out of date, run `make generate`: {}", stale.join(", ")) }
}
