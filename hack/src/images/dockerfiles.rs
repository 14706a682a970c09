//! The Dockerfiles, read without an engine: what can be said of them before somebody builds them.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use parse_dockerfile::{Command, Dockerfile, Instruction, Stage};

use super::catalog::{RECIPES, Recipe, USER, VERSION};
use crate::paths;

/// Labels that each image has.
const LABELS: [&str; 5] = ["title", "description", "version", "revision", "licenses"];

/// Reads them all and fails on the first that does not hold to the rules; returns how many there are.
pub fn check() -> Result<usize> {
    let folder = paths::root().join("images");
    for recipe in &RECIPES {
        let path = folder.join(recipe.dockerfile);
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        one(&text, recipe).with_context(|| path.display().to_string())?;
    }
    Ok(RECIPES.len())
}

fn one(text: &str, recipe: &Recipe) -> Result<()> {
    let file = parse_dockerfile::parse(text)?;
    let defaults: BTreeMap<&str, &str> =
        file.global_args().filter_map(|argument| argument.arguments.value.split_once('=')).collect();
    for stage in file.stages() {
        let from = stage.from.image.value.as_ref();
        ensure!(is_pinned(from, &file, &defaults), "FROM {from}: name a version in an ARG, or a digest");
    }
    if let Some(rust) = defaults.get("RUST") {
        ensure!(rust.starts_with(&format!("rust:{}-", toolchain()?)), "{rust} is not the toolchain of the repository");
    }
    let images: Vec<_> = file.stages().filter(|stage| entrypoint(stage).is_some()).collect();
    let last = file.stages().last().context("it has no stage")?;
    ensure!(entrypoint(&last).is_some(), "the last stage has no ENTRYPOINT that is a list");
    images.iter().try_for_each(|stage| image(stage, recipe))
}

/// A stage above, nothing at all, a digest, or an argument whose default names a version.
fn is_pinned(from: &str, file: &Dockerfile<'_>, defaults: &BTreeMap<&str, &str>) -> bool {
    let argument = from.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let default = argument.and_then(|name| defaults.get(name).copied());
    let names_version =
        |image: &str| image.rsplit_once(':').is_some_and(|(_, tag)| tag.starts_with(|c: char| c.is_ascii_digit()));
    from == "scratch" || file.stage(from).is_some() || from.contains("@sha256:") || default.is_some_and(names_version)
}

/// What is said of a stage that is an image.
fn image(stage: &Stage<'_, '_>, recipe: &Recipe) -> Result<()> {
    let mut users = stage.instructions.iter().filter_map(|instruction| match instruction {
        Instruction::User(user) => Some(user.arguments.value.as_ref()),
        _ => None,
    });
    let user = users.next_back().unwrap_or("root");
    ensure!(user == format!("{USER}:{USER}"), "USER {user} is not {USER}:{USER}");
    let program = entrypoint(stage).unwrap_or_default();
    ensure!(program == recipe.entrypoint(), "ENTRYPOINT {program} is not {}", recipe.entrypoint());
    let text = |instruction: &Instruction<'_>| match instruction {
        Instruction::Label(label) => Some(label.arguments.value.to_string()),
        Instruction::Arg(argument) => Some(argument.arguments.value.to_string()),
        _ => None,
    };
    let said: Vec<String> = stage.instructions.iter().filter_map(text).collect();
    ensure!(said.contains(&format!("VERSION={VERSION}")), "ARG VERSION is not {VERSION}");
    for label in LABELS.map(|label| format!("org.opencontainers.image.{label}=")) {
        ensure!(said.iter().any(|text| text.contains(&label)), "there is no LABEL {label}");
    }
    Ok(())
}

/// The program that a stage runs, where that is a list of words and not a line for a shell.
fn entrypoint(stage: &Stage<'_, '_>) -> Option<String> {
    stage.instructions.iter().rev().find_map(|instruction| match instruction {
        Instruction::Entrypoint(entrypoint) => match &entrypoint.arguments {
            Command::Exec(words) => words.value.first().map(|word| word.value.to_string()),
            _ => None,
        },
        _ => None,
    })
}

/// The toolchain that the repository names.
fn toolchain() -> Result<String> {
    let text = fs::read_to_string(paths::root().join("rust-toolchain.toml")).context("read rust-toolchain.toml")?;
    let Some(channel) = text.lines().find_map(|line| line.strip_prefix("channel = ")) else {
        bail!("rust-toolchain.toml names no channel")
    };
    Ok(channel.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "ARG RUST=rust:1.95.0-bookworm\nFROM ${RUST} AS build\nFROM scratch\nARG VERSION=0.1.0\n\
        LABEL org.opencontainers.image.title=a org.opencontainers.image.description=b \
        org.opencontainers.image.version=c org.opencontainers.image.revision=d org.opencontainers.image.licenses=e\n\
        COPY --from=build /out /\nUSER 65532:65532\nENTRYPOINT [\"/usr/local/bin/genesis\"]\n";

    fn told(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        format!("{:#}", one(&GOOD.replace(from, to), &RECIPES[0]).unwrap_err())
    }

    #[test]
    fn the_dockerfiles_of_the_repository_hold_to_the_rules() {
        assert_eq!(check().unwrap(), RECIPES.len());
        let folder = paths::root().join("images");
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.filter(|name| name.ends_with(".Dockerfile")).count(), RECIPES.len());
    }

    #[test]
    fn each_rule_is_told_when_it_is_broken() {
        one(GOOD, &RECIPES[0]).unwrap();
        assert!(told("rust:1.95.0-bookworm", "rust:latest").contains("name a version"));
        assert!(told("rust:1.95.0-bookworm", "rust:1.80.0-bookworm").contains("toolchain"));
        assert!(told("USER 65532:65532\n", "").contains("USER root"));
        assert!(told("USER 65532:65532", "USER nonroot").contains("USER nonroot"));
        assert!(told("bin/genesis\"", "bin/sh\"").contains("ENTRYPOINT /usr/local/bin/sh"));
        assert!(told("[\"/usr/local/bin/genesis\"]", "genesis").contains("no ENTRYPOINT that is a list"));
        assert!(told("image.licenses", "image.other").contains("licenses"));
        assert!(told("VERSION=0.1.0", "VERSION=0.0.9").contains("ARG VERSION"));
        assert!(told("FROM scratch", "FRM scratch").contains("FRM"));
    }
}
