//! The process that holds a node, seen from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::layout::Layout;

const FILE: &str = "holder";
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// The first process of a node's namespaces, by its number outside.
#[derive(Clone, Debug)]
pub(super) struct Held {
    id: u32,
    folder: PathBuf,
}

impl Held {
    /// The process that `unshare` starts, as soon as it is there. Its number is written down.
    pub(super) fn of(layout: &Layout, unshare: &mut Child) -> Result<Self> {
        let start = Instant::now();
        loop {
            if let Some(&id) = children(unshare.id()).first() {
                let held = Self { id, folder: layout.folder().to_owned() };
                if held.lives() {
                    layout.write(FILE, &id.to_string())?;
                    return Ok(held);
                }
            }
            if unshare.try_wait()?.is_some() || start.elapsed() > ENDS_WITHIN {
                // Its child ends with it.
                let _ = unshare.kill();
                let log = fs::read_to_string(layout.file("log/holder.log")).unwrap_or_default();
                bail!("the namespaces' first process did not start: {}", log.trim());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The process that was written down, if it still lives.
    pub(super) fn read(layout: &Layout) -> Result<Option<Self>> {
        let Ok(text) = fs::read_to_string(layout.file(FILE)) else { return Ok(None) };
        let id = text.trim().parse().context("read the holder's number")?;
        let held = Self { id, folder: layout.folder().to_owned() };
        Ok(held.lives().then_some(held))
    }

    /// Whether it lives: the number may belong to somebody else by now.
    pub(super) fn lives(&self) -> bool {
        command_line(self.id).is_some_and(|words| {
            words.iter().any(|word| word == "hold") && words.last().is_some_and(|last| Path::new(last) == self.folder)
        })
    }

    /// Whether this path is there in its mounts.
    pub(super) fn has(&self, path: &str) -> bool {
        Path::new(&format!("/proc/{}/root{path}", self.id)).exists()
    }

    /// A command in its mounts, its network and its process numbers.
    pub(super) fn inside(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.id)).args(["--mount", "--net", "--pid", "--"]).arg(program);
        command
    }

    /// Ends it, and with it everything in its namespaces.
    pub(super) fn end(&self) -> Result<()> {
        signal(self.id)?;
        let start = Instant::now();
        while !ended(self.id) {
            if start.elapsed() > ENDS_WITHIN {
                bail!("process {} did not end within {} s", self.id, ENDS_WITHIN.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Kills its child that runs this program with this first word.
    pub(super) fn kill(&self, program: &Path, word: Option<&str>) -> Result<()> {
        let found = children(self.id).into_iter().find(|&id| {
            command_line(id).is_some_and(|words| {
                words.first().is_some_and(|first| Path::new(first) == program)
                    && words.get(1).map(String::as_str) == word
            })
        });
        signal(found.with_context(|| format!("{} does not run", program.display()))?)
    }
}

fn signal(id: u32) -> Result<()> {
    match kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("kill process {id}")),
    }
}

/// Whether the kernel is done with it. A namespace's first process is a zombie only after all others are gone.
fn ended(id: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { return true };
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

fn children(id: u32) -> Vec<u32> {
    let mut all = Vec::new();
    for task in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(text.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
    }
    all
}

fn command_line(id: u32) -> Option<Vec<String>> {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.split_terminator('\0').map(str::to_owned).collect())
}
