//! Go programs that are built once from a pinned module of this repository and kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genesis_core::Digest;

use crate::paths;

/// A Go module of this repository, and what is built from it.
pub struct GoModule<'a> {
    /// Its folder below the root.
    pub folder: &'a str,
    /// The files that decide what comes out.
    pub sources: &'a [&'a str],
    /// Name in the cache; a key over the sources follows.
    pub cached_as: &'a str,
    /// Programs and their packages.
    pub programs: &'a [(&'a str, &'a str)],
    /// Flags for the linker.
    pub link_flags: &'a str,
    /// How long it takes, for people.
    pub takes: &'a str,
}

impl GoModule<'_> {
    /// The folder with all programs; those that are not in the cache yet are built.
    pub fn build(&self) -> Result<PathBuf> {
        let source = paths::root().join(self.folder);
        let cached = paths::cache().join(format!("{}-{}", self.cached_as, key(&source, self.sources)?));
        let missing: Vec<_> = self.programs.iter().filter(|(name, _)| !cached.join(name).exists()).collect();
        if !missing.is_empty() {
            fs::create_dir_all(&cached).with_context(|| format!("create {}", cached.display()))?;
            eprintln!("Building {} into {} (once, {}).", self.cached_as, cached.display(), self.takes);
        }
        for (name, package) in missing {
            self.build_one(&source, package, &cached.join(name))?;
        }
        Ok(cached)
    }

    fn build_one(&self, source: &Path, package: &str, program: &Path) -> Result<()> {
        // Under another name first: a build that is interrupted must not look finished.
        let staged = program.with_extension(std::process::id().to_string());
        let status = Command::new("go")
            .args(["build", "-p", "2", "-trimpath", "-ldflags", self.link_flags, "-o"])
            .arg(&staged)
            .arg(package)
            .current_dir(source)
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "-mod=readonly")
            .status()
            .context("run go build: is Go 1.26 or newer installed?")?;
        ensure!(status.success(), "go build of {package} failed");
        fs::rename(&staged, program).with_context(|| format!("move to {}", program.display()))
    }
}

fn key(source: &Path, names: &[&str]) -> Result<String> {
    let files = names
        .iter()
        .map(|name| {
            let path = source.join(name);
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            Ok(((*name).to_owned(), Digest::of_bytes(&bytes)))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Digest::of_directory(&files).short().to_owned())
}
