//! `cargo dev check` and `cargo dev lint`: what can be said without running a test.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::images::dockerfiles;
use crate::{generate, layers, paths};

/// What takes seconds: layers, generated files, Dockerfiles, formatting.
pub fn quick() -> Result<()> {
    println!("layers      {} crates", layers::check()?);
    println!("generated   {} files", generate::check()?);
    println!("dockerfiles {} files", dockerfiles::check()?);
    cargo("format", &["fmt", "--all", "--check"])
}

/// What compiles everything anew: lints, and the model with feature `cuda`.
pub fn lint() -> Result<()> {
    cargo("lints", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])?;
    cargo("cuda", &["check", "--quiet", "--package", "genesis-model", "--features", "cuda"])
}

fn cargo(what: &str, words: &[&str]) -> Result<()> {
    let status = Command::new("cargo").args(words).current_dir(paths::root()).status().context("run cargo")?;
    ensure!(status.success(), "cargo {} failed", words.join(" "));
    println!("{what:<11} passed");
    Ok(())
}
