//! The container images, proved without a container engine: what is in them, and that it runs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use genesis_e2e::room::Room;
use hack::images::catalog::{PROGRAMS, Part, RECIPES, USER, VERSION};
use hack::images::{self, Written, program};
use hack::paths;
use walkdir::WalkDir;

/// All images, written once.
fn written() -> Result<&'static [Written]> {
    static WRITTEN: OnceLock<Result<Vec<Written>, String>> = OnceLock::new();
    let written = WRITTEN.get_or_init(|| images::write(&images::folder(), &[]).map_err(|error| format!("{error:#}")));
    written.as_deref().map_err(|error| anyhow!("{error}"))
}

/// The image called `name`, unpacked.
fn room(name: &str) -> Result<Room> {
    let image = written()?.iter().find(|image| image.image == name);
    Room::new(&image.with_context(|| format!("no image is called {name}"))?.archive)
}

/// Says why a test does nothing, if it does. Where the sandbox is required, nothing excuses a test.
fn is_possible() -> bool {
    granted(Room::is_possible(), "only root may change its root")
}

fn granted(granted: bool, lack: &str) -> bool {
    let required = std::env::var("GENESIS_REQUIRE_SANDBOX").is_ok_and(|value| value == "1");
    assert!(granted || !required, "GENESIS_REQUIRE_SANDBOX=1, and {lack}");
    if !granted {
        eprintln!("skipped: {lack}");
    }
    granted
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_program_of_every_image_starts_with_nothing_but_the_image() {
    if !is_possible() {
        return;
    }
    for recipe in &RECIPES {
        let room = room(recipe.name).unwrap();
        let usage = room.usage();
        assert_eq!(usage.entrypoint, [recipe.entrypoint()]);
        assert_eq!(usage.user, format!("{USER}:{USER}"));
        assert!(room.run(&["/bin/sh", "-c", "true"], USER).is_err(), "the room shows more than the image");
        for name in recipe.programs {
            // By name, as pods ask for it, and by path.
            for program in [(*name).to_owned(), format!("{PROGRAMS}/{name}")] {
                let output = room.run(&[&program, "--version"], USER).unwrap();
                assert!(output.status.success(), "{program}: {}", told(&output));
                assert!(told(&output).contains(VERSION), "{program}: {}", told(&output));
            }
        }
    }
}

#[test]
fn an_image_holds_static_programs_no_shell_and_no_rights_to_be_had() {
    if !is_possible() {
        return;
    }
    for recipe in &RECIPES {
        let room = room(recipe.name).unwrap();
        for name in recipe.programs {
            let path = room.path().join(PROGRAMS.trim_start_matches('/')).join(name);
            assert!(!program::is_dynamic(&path).unwrap(), "{name} needs a dynamic loader");
        }
        for entry in WalkDir::new(room.path()).min_depth(1) {
            let entry = entry.unwrap();
            let path = Path::new("/").join(entry.path().strip_prefix(room.path()).unwrap());
            let (name, mode) = (entry.file_name().to_string_lossy(), entry.metadata().unwrap().permissions().mode());
            assert!(!["sh", "bash", "dash", "busybox"].contains(&name.as_ref()), "{} is a shell", path.display());
            if entry.path_is_symlink() {
                continue;
            }
            assert_eq!(mode & 0o6000, 0, "{} gives rights away", path.display());
            let scratch = path == Path::new("/tmp") && recipe.has(Part::Scratch);
            assert!(scratch || mode & 0o022 == 0, "{} may be written by others", path.display());
        }
    }
}

#[test]
fn the_inference_image_finds_its_built_in_models() {
    if !is_possible() {
        return;
    }
    let room = room("genesis-inference").unwrap();
    let words = ["genesis-inference", "bench", "--batch", "1", "--answer-tokens", "4", "--repetitions", "1"];
    let output = room.run(&words, USER).unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_second_build_gives_the_same_images_and_a_third_has_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let first = written().unwrap();
    let second = images::write(folder.path(), &[]).unwrap();
    let third = images::write(folder.path(), &[]).unwrap();
    assert_eq!(first.len(), RECIPES.len());
    for ((first, second), third) in first.iter().zip(&second).zip(&third) {
        assert!(!second.kept && third.kept, "{}", second.image);
        assert_eq!((&first.digest, first.bytes), (&second.digest, second.bytes), "{}", first.image);
        assert_eq!(second.digest, third.digest, "{}", first.image);
    }
}

#[test]
fn the_sandbox_image_has_the_python_that_its_harness_needs() {
    if !is_possible() {
        return;
    }
    let room = room("genesis-sandbox").unwrap();
    // What the fork server, the harness and the tester import, and what is imported for every program.
    let script = "import abc, atexit, bisect, builtins, collections.abc, contextlib, copy, dataclasses, enum, errno, fcntl, \
                  functools, gc, heapq, itertools, json, math, operator, os, random, re, resource, select, signal, site, \
                  socket, string, sys, threading, types, typing\n\
                  assert os.path.exists(typing.__cached__), 'modules would be compiled at each start'\n\
                  print(1)";
    let output = room.run(&["/usr/bin/python3", "-S", "-s", "-B", "-c", script], USER).unwrap();
    assert_eq!(told(&output), "1\n");
}

#[test]
fn the_sandbox_image_grants_every_protection_and_runs_a_program() {
    let here = Command::new(paths::binaries().join("genesis-sandbox")).arg("check").output().unwrap();
    if !is_possible() || !granted(here.status.success(), &format!("this machine lacks something:\n{}", told(&here))) {
        return;
    }
    let room = room("genesis-sandbox").unwrap();
    let output = room.run(&["genesis-sandbox", "check"], 0).unwrap();
    assert!(output.status.success(), "{}", told(&output));
    std::fs::write(room.path().join("program.py"), "print(sum(range(10)))\n").unwrap();
    let output = room.run(&["genesis-sandbox", "run", "/program.py", "--output", "json"], 0).unwrap();
    assert!(output.status.success() && told(&output).contains("45"), "{}", told(&output));
}
