//! Control groups: what the processes of a cell may use together, and what they used.
//!
//! Version 1 is used where it has the memory, pids and cpu controllers, version 2 otherwise. Groups are made
//! beneath the supervisor's own, so that a container's bounds hold around them.

mod find;
mod group;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use group::Group;

/// Version of the control group interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// One hierarchy for each controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// The directories of one group, which may be one and the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directories {
    pub(crate) version: Version,
    pub(crate) memory: PathBuf,
    pub(crate) pids: PathBuf,
    pub(crate) cpu: PathBuf,
    pub(crate) cpuacct: PathBuf,
}

/// Why control groups cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// A controller is missing.
    #[error(
        "cgroup: no {controller} controller is mounted; mount cgroup v1 with memory, pids, cpu and cpuacct, or delegate memory, pids and cpu of cgroup v2"
    )]
    Missing {
        /// Its name.
        controller: &'static str,
    },
    /// The processes of a cell cannot be counted.
    #[error("the processes of a cell cannot be counted in /proc: {0}")]
    Processes(std::io::Error),
    /// A file or directory of the hierarchy cannot be used.
    #[error("cgroup: cannot {action} {}: {source}; run as root with /sys/fs/cgroup writable", path.display())]
    Access {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Directories {
    /// The same directories with `name` beneath each.
    fn join(&self, name: &str) -> Self {
        let at = |path: &Path| path.join(name);
        Self { memory: at(&self.memory), pids: at(&self.pids), cpu: at(&self.cpu), cpuacct: at(&self.cpuacct), ..*self }
    }

    /// Each directory once.
    fn distinct(&self) -> Vec<&Path> {
        let mut all = vec![self.memory.as_path(), &self.pids, &self.cpu, &self.cpuacct];
        all.dedup();
        all.sort();
        all.dedup();
        all
    }
}

/// The parent of the groups of one pool; removed with it.
#[derive(Debug)]
pub(crate) struct Hierarchy {
    directories: Directories,
}

impl Hierarchy {
    /// Finds the controllers and makes the pool's parent group, named so that another supervisor can tell
    /// whether its owner still lives.
    pub(crate) fn create(counter: u64) -> Result<Self, CgroupError> {
        let own = find::own()?;
        let process = std::process::id();
        let start = find::start_time(process).unwrap_or_default();
        for directory in own.distinct() {
            find::sweep(directory);
        }
        let directories = own.join(&format!("{}{process}.{start}.{counter}", find::PREFIX));
        make(&directories)?;
        if directories.version == Version::V2 {
            let control = directories.memory.join("cgroup.subtree_control");
            write(&control, "+memory +pids +cpu")?;
        }
        Ok(Self { directories })
    }

    /// The version in use.
    pub(crate) fn version(&self) -> Version {
        self.directories.version
    }

    /// The pool's parent group in the hierarchy that counts processes.
    #[cfg(test)]
    pub(crate) fn path(&self) -> PathBuf {
        self.directories.pids.clone()
    }

    /// Makes the group of one cell.
    pub(crate) fn group(&self, name: &str) -> Result<Group, CgroupError> {
        let directories = self.directories.join(name);
        make(&directories)?;
        Group::new(directories)
    }
}

impl Drop for Hierarchy {
    fn drop(&mut self) {
        remove(&self.directories);
    }
}

fn make(directories: &Directories) -> Result<(), CgroupError> {
    for path in directories.distinct() {
        std::fs::create_dir(path).map_err(|source| CgroupError::Access {
            action: "make",
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// Removes directories; the kernel needs a moment after the last process of a group has gone.
fn remove(directories: &Directories) {
    for path in directories.distinct() {
        for _ in 0..50 {
            match std::fs::remove_dir(path) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                _ => break,
            }
        }
    }
}

fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    std::fs::write(path, value).map_err(|source| CgroupError::Access { action: "write", path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, CgroupError> {
    std::fs::read_to_string(path).map_err(|source| CgroupError::Access {
        action: "read",
        path: path.to_owned(),
        source,
    })
}
