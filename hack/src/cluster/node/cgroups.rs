//! The node's own control groups, in every hierarchy the machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Holds the daemons, so that a group without anybody in it can be told from one of a running node.
const DAEMONS: &str = "daemons";

const PREFIX: &str = "genesis-node-";

/// Controllers a node cannot do without, where this machine lacks them.
pub(super) fn missing() -> Option<String> {
    let controls = |folder: &PathBuf, controller: &str| {
        folder.ends_with(controller)
            || fs::read_to_string(folder.join("cgroup.controllers")).is_ok_and(|names| names.contains(controller))
    };
    let missing: Vec<&str> = ["memory", "pids", "cpu"]
        .into_iter()
        .filter(|controller| !hierarchies().iter().any(|folder| controls(folder, controller)))
        .collect();
    (!missing.is_empty()).then(|| format!("control groups for {}", missing.join(", ")))
}

/// Makes the node's group everywhere and moves this process, and so every daemon it starts, into a leaf of it.
pub(super) fn enter(name: &str) -> Result<()> {
    for hierarchy in hierarchies() {
        let group = hierarchy.join(name);
        for folder in [group.clone(), group.join(DAEMONS)] {
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
            inherit(&folder);
        }
        let procs = group.join(DAEMONS).join("cgroup.procs");
        fs::write(&procs, "0").with_context(|| format!("write {}", procs.display()))?;
    }
    Ok(())
}

/// Removes the group of a node that has ended, and groups that nodes left which were killed with their folder.
pub(super) fn remove(name: &str) -> Result<()> {
    for hierarchy in hierarchies() {
        let left = fs::read_dir(&hierarchy).into_iter().flatten().flatten().map(|entry| entry.path());
        for group in left.filter(|path| is_node(path) && !path.ends_with(name) && !is_used(path)) {
            // Somebody else's: it may be gone by now.
            let _ = remove_tree(&group);
        }
        let group = hierarchy.join(name);
        let start = Instant::now();
        while group.exists() {
            if let Err(error) = remove_tree(&group)
                && start.elapsed() > Duration::from_secs(10)
            {
                bail!("remove {}: {error}", group.display());
            }
            // The kernel lets go of the last process a little after it ended.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn is_node(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

fn is_used(group: &Path) -> bool {
    fs::read_to_string(group.join(DAEMONS).join("cgroup.procs")).is_ok_and(|ids| !ids.is_empty())
}

fn remove_tree(group: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(group)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

/// What a new group does not get by itself: processors and memory nodes in version 1, controllers in version 2.
fn inherit(group: &Path) {
    let Some(parent) = group.parent() else { return };
    for name in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read_to_string(parent.join(name)) {
            let _ = fs::write(group.join(name), value);
        }
    }
    // Beside version 1, version 2 has nothing that a node needs.
    if !hierarchies().iter().all(|folder| is_second(folder)) {
        return;
    }
    if let Ok(controllers) = fs::read_to_string(parent.join("cgroup.controllers")) {
        for controller in controllers.split_whitespace() {
            let _ = fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}"));
        }
    }
}

fn is_second(hierarchy: &Path) -> bool {
    hierarchy.join("cgroup.controllers").exists()
}

fn hierarchies() -> Vec<PathBuf> {
    in_mounts(&fs::read_to_string("/proc/self/mounts").unwrap_or_default())
}

fn in_mounts(mounts: &str) -> Vec<PathBuf> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            let folder = words.next()?;
            words.next().filter(|kind| kind.starts_with("cgroup"))?;
            Some(PathBuf::from(folder))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found() {
        let mounts = "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ntmpfs /sys/fs/cgroup tmpfs rw 0 0\n";
        let expected = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        assert_eq!(in_mounts(mounts), expected);
    }

    #[test]
    fn only_groups_of_nodes_are_taken_for_such() {
        assert!(is_node(Path::new("/sys/fs/cgroup/pids/genesis-node-0a1b")));
        assert!(!is_node(Path::new("/sys/fs/cgroup/pids/genesis-sandbox")));
    }
}
