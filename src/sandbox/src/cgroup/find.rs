//! Where the controllers are mounted and which groups this process is in.

use std::path::{Path, PathBuf};

use super::{CgroupError, Directories, Version, write};

/// Start of the name of a pool's parent group; then pid, start time and counter of its owner.
pub(super) const PREFIX: &str = "genesis-sandbox.";
const CONTROLLERS: [&str; 4] = ["memory", "pids", "cpu", "cpuacct"];

/// The supervisor's own groups, beneath which new ones are made.
pub(super) fn own() -> Result<Directories, CgroupError> {
    let text = |path: &str| {
        std::fs::read_to_string(path).map_err(|source| CgroupError::Access {
            action: "read",
            path: path.into(),
            source,
        })
    };
    let (mounts, groups) = (text("/proc/self/mountinfo")?, text("/proc/self/cgroup")?);
    match version_1(&mounts, &groups) {
        Ok(found) => Ok(found),
        Err(missing) => match version_2(&mounts, &groups) {
            Some(root) => delegate(root),
            None => Err(missing),
        },
    }
}

/// The directories of version 1, or the first controller that is not there.
pub(super) fn version_1(mounts: &str, groups: &str) -> Result<Directories, CgroupError> {
    let find = |controller: &'static str| {
        let mount = mounts.lines().find_map(|line| mount_of(line, Some(controller)));
        let group = groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            fields.next()?.split(',').any(|name| name == controller).then(|| fields.next())?
        });
        mount.zip(group).map(|(mount, group)| mount.directory(group)).ok_or(CgroupError::Missing { controller })
    };
    let [memory, pids, cpu, cpuacct] = CONTROLLERS.map(find);
    Ok(Directories { version: Version::V1, memory: memory?, pids: pids?, cpu: cpu?, cpuacct: cpuacct? })
}

/// The directory of version 2 that this process is in.
pub(super) fn version_2(mounts: &str, groups: &str) -> Option<PathBuf> {
    let mount = mounts.lines().find_map(|line| mount_of(line, None))?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(mount.directory(group))
}

struct Mount<'a> {
    root: &'a str,
    point: &'a str,
}

impl Mount<'_> {
    /// Where `group` is seen. A container may see only a part of the hierarchy, or call that part its root.
    fn directory(&self, group: &str) -> PathBuf {
        let beneath = group.strip_prefix(self.root).unwrap_or_default();
        let path = Path::new(self.point).join(beneath.trim_start_matches('/'));
        if path.is_dir() { path } else { self.point.into() }
    }
}

/// Reads one line of mountinfo (proc(5)): a version 1 mount of `controller`, or of version 2.
fn mount_of<'a>(line: &'a str, controller: Option<&str>) -> Option<Mount<'a>> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let mut after = after.split(' ');
    let (kind, _source, options) = (after.next()?, after.next()?, after.next()?);
    let wanted = match controller {
        Some(controller) => kind == "cgroup" && options.split(',').any(|option| option == controller),
        None => kind == "cgroup2",
    };
    wanted.then_some(Mount { root, point })
}

/// Makes the controllers of version 2 available beneath `own`.
///
/// A group with processes cannot pass controllers on, so this process moves into a leaf first.
fn delegate(own: PathBuf) -> Result<Directories, CgroupError> {
    let available = super::read(&own.join("cgroup.controllers"))?;
    for controller in ["memory", "pids", "cpu"] {
        if !available.split_whitespace().any(|name| name == controller) {
            return Err(CgroupError::Missing { controller });
        }
    }
    let control = own.join("cgroup.subtree_control");
    if write(&control, "+memory +pids +cpu").is_err() {
        let leaf = own.join("genesis-supervisor");
        if !leaf.is_dir() {
            std::fs::create_dir(&leaf).map_err(|source| CgroupError::Access {
                action: "make",
                path: leaf.clone(),
                source,
            })?;
        }
        write(&leaf.join("cgroup.procs"), "0")?;
        write(&control, "+memory +pids +cpu")?;
    }
    Ok(Directories { version: Version::V2, memory: own.clone(), pids: own.clone(), cpu: own.clone(), cpuacct: own })
}

/// When a process started, in clock ticks since boot (field 22 of /proc/pid/stat).
pub(super) fn start_time(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Removes the groups of supervisors that were killed.
pub(super) fn sweep(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if owner(&name).is_some_and(|(process, start)| start_time(process) != Some(start)) {
            for cell in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                // Fails for files, and for a group that still has processes: the next start tries again.
                let _ = std::fs::remove_dir(cell.path());
            }
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

/// Pid and start time of the owner of a pool's parent group.
pub(super) fn owner(name: &str) -> Option<(u32, u64)> {
    let mut fields = name.strip_prefix(PREFIX)?.split('.');
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
