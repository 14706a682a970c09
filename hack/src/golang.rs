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
    /// Build tags.
    pub tags: &'a str,
    /// Flags for the linker.
    pub link_flags: &'a str,
    /// What is changed in its dependencies.
    pub patches: &'a [Patch<'a>],
    /// How long it takes, for people.
    pub takes: &'a str,
}

/// A change to one file of a dependency, made in a copy.
pub struct Patch<'a> {
    /// The file, by its import path.
    pub file: &'a str,
    /// The text that must be there exactly once.
    pub from: &'a str,
    /// What takes its place.
    pub to: &'a str,
}

impl GoModule<'_> {
    /// The folder with all programs; those that are not in the cache yet are built.
    pub fn build(&self) -> Result<PathBuf> {
        let source = paths::root().join(self.folder);
        let cached = paths::cache().join(format!("{}-{}", self.cached_as, self.key(&source)?));
        let missing: Vec<_> = self.programs.iter().filter(|(name, _)| !cached.join(name).exists()).collect();
        if missing.is_empty() {
            return Ok(cached);
        }
        fs::create_dir_all(&cached).with_context(|| format!("create {}", cached.display()))?;
        eprintln!("Building {} into {} (once, {}).", self.cached_as, cached.display(), self.takes);
        let copy = cached.join(format!("source.{}", std::process::id()));
        let folder = if self.patches.is_empty() { source } else { self.patched(&source, &copy)? };
        for (name, package) in missing {
            self.build_one(&folder, package, &cached.join(name))?;
        }
        if copy.exists() {
            fs::remove_dir_all(&copy).with_context(|| format!("remove {}", copy.display()))?;
        }
        Ok(cached)
    }

    /// A copy of the module with its dependencies beside it, where these can be changed.
    fn patched(&self, source: &Path, copy: &Path) -> Result<PathBuf> {
        fs::create_dir_all(copy).with_context(|| format!("create {}", copy.display()))?;
        for name in self.sources {
            fs::copy(source.join(name), copy.join(name)).with_context(|| format!("copy {name}"))?;
        }
        go(copy, &["mod", "vendor"], "-mod=mod")?;
        for Patch { file, from, to } in self.patches {
            let path = copy.join("vendor").join(file);
            let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            ensure!(text.matches(from).count() == 1, "{file} does not have {from:?} once");
            fs::write(&path, text.replace(from, to)).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(copy.to_owned())
    }

    fn build_one(&self, folder: &Path, package: &str, program: &Path) -> Result<()> {
        // Under another name first: a build that is interrupted must not look finished.
        let staged = program.with_extension(std::process::id().to_string());
        let out = staged.display().to_string();
        let words =
            ["build", "-p", "2", "-trimpath", "-tags", self.tags, "-ldflags", self.link_flags, "-o", &out, package];
        go(folder, &words, if self.patches.is_empty() { "-mod=readonly" } else { "-mod=vendor" })?;
        fs::rename(&staged, program).with_context(|| format!("move to {}", program.display()))
    }

    fn key(&self, source: &Path) -> Result<String> {
        let mut files = self
            .sources
            .iter()
            .map(|name| {
                let path = source.join(name);
                let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
                Ok(((*name).to_owned(), Digest::of_bytes(&bytes)))
            })
            .collect::<Result<Vec<_>>>()?;
        files.extend(self.patches.iter().map(|patch| (patch.file.to_owned(), Digest::of_bytes(patch.to.as_bytes()))));
        Ok(Digest::of_directory(&files).short().to_owned())
    }
}

fn go(folder: &Path, words: &[&str], flags: &str) -> Result<()> {
    let status = Command::new("go")
        .args(words)
        .current_dir(folder)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", flags)
        .status()
        .context("run go: is Go 1.26 or newer installed?")?;
    ensure!(status.success(), "go {} failed in {}", words.join(" "), folder.display());
    Ok(())
}
