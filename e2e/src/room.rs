//! Runs programs of an image as a container engine does, without one.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, anyhow};
use hack::images::unpack::{Usage, unpack};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, pivot_root};
use tempfile::TempDir;

/// An unpacked image.
#[derive(Debug)]
pub struct Room {
    folder: TempDir,
    usage: Usage,
}

impl Room {
    /// Unpacks the image in `archive`.
    pub fn new(archive: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the image")?;
        let usage = unpack(archive, folder.path())?;
        Ok(Self { folder, usage })
    }

    /// Whether this process may run programs in a room: only root may.
    pub fn is_possible() -> bool {
        Uid::effective().is_root()
    }

    /// Where the image's root is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// How the image says that it runs.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Runs `words` as `user`, with the image as the root and with nothing else of this machine than `/proc`, `/sys`
    /// and `/dev`.
    pub fn run(&self, words: &[&str], user: u32) -> Result<Output> {
        let (program, arguments) = words.split_first().context("no program is named")?;
        for name in ["proc", "sys", "dev"] {
            fs::create_dir_all(self.path().join(name))?;
        }
        // The root belongs to a thread that has left the others' name space; what it starts inherits it.
        let inside = || -> Result<Output> {
            enter(self.path())?;
            Command::new(program)
                .args(arguments)
                .env_clear()
                .envs(self.usage.environment.iter().filter_map(|variable| variable.split_once('=')))
                .uid(user)
                .gid(user)
                .output()
                .with_context(|| format!("run {program}"))
        };
        std::thread::scope(|scope| scope.spawn(inside).join().map_err(|_| anyhow!("the room's thread panicked"))?)
    }
}

/// Makes `root` the root of this thread.
fn enter(root: &Path) -> Result<()> {
    const NONE: Option<&str> = None;
    let at = |name: &str| -> PathBuf { root.join(name) };
    unshare(CloneFlags::CLONE_NEWNS).context("leave the mount name space")?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).context("keep mounts to this thread")?;
    mount(Some(root), root, NONE, MsFlags::MS_BIND, NONE).context("make the room a mount")?;
    mount(Some("proc"), &at("proc"), Some("proc"), MsFlags::empty(), NONE).context("mount /proc")?;
    for (from, to) in [("/sys", at("sys")), ("/dev", at("dev"))] {
        mount(Some(from), &to, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
            .with_context(|| format!("mount {from}"))?;
    }
    // A user name space, which the sandbox makes for each cell, is not granted under a mere chroot.
    std::env::set_current_dir(root)?;
    pivot_root(".", ".").context("change the root")?;
    umount2(".", MntFlags::MNT_DETACH).context("leave the old root")?;
    Ok(())
}
