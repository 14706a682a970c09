use super::find::{owner, version_1, version_2};
use super::*;

const GROUPS: &str = "8:pids:/\n4:memory:/agent/a\n2:cpu,cpuacct:/\n0::/own\n";

fn mounts(root: &Path) -> String {
    let at = |name: &str| root.join(name).display().to_string();
    format!(
        "30 20 0:25 / {} rw,nosuid - tmpfs tmpfs rw\n\
         31 30 0:26 / {} rw - cgroup cgroup rw,pids\n\
         32 30 0:27 / {} rw - cgroup cgroup rw,memory\n\
         33 30 0:28 / {} rw - cgroup cgroup rw,cpu,cpuacct\n\
         34 30 0:29 / {} rw - cgroup2 cgroup2 rw,nsdelegate\n",
        at("cg"),
        at("pids"),
        at("memory"),
        at("cpu"),
        at("unified")
    )
}

#[test]
fn version_1_is_found_where_each_controller_is_mounted() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("memory/agent/a")).unwrap();
    let found = version_1(&mounts(root.path()), GROUPS).unwrap();
    assert_eq!(found.memory, root.path().join("memory/agent/a"));
    assert_eq!(found.pids, root.path().join("pids"));
    assert_eq!(found.cpu, found.cpuacct);
    assert_eq!(found.distinct().len(), 3);
}

#[test]
fn a_missing_controller_is_named() {
    let root = tempfile::tempdir().unwrap();
    let without = mounts(root.path()).replace("rw,pids", "rw,devices");
    let error = version_1(&without, GROUPS).unwrap_err();
    assert!(error.to_string().contains("no pids controller"), "{error}");
    assert_eq!(version_2(&without, GROUPS), Some(root.path().join("unified")));
}

#[test]
fn owners_are_read_from_names() {
    assert_eq!(owner("genesis-sandbox.12.34.0"), Some((12, 34)));
    assert_eq!(owner("genesis-sandbox.x.34.0"), None);
    assert_eq!(owner("system.slice"), None);
    assert!(find::start_time(std::process::id()).is_some());
}

#[test]
fn version_2_speaks_the_unified_files() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_path_buf();
    for (name, content) in [
        ("cpu.stat", "usage_usec 12\nuser_usec 5\n"),
        ("memory.current", "4096\n"),
        ("memory.events", "oom 1\noom_kill 3\n"),
        ("pids.events", "max 7\n"),
        ("memory.swap.max", "max"),
        ("cgroup.procs", ""),
    ] {
        std::fs::write(path.join(name), content).unwrap();
    }
    let directories = Directories {
        version: Version::V2,
        memory: path.clone(),
        pids: path.clone(),
        cpu: path.clone(),
        cpuacct: path,
    };
    let mut group = Group::new(directories).unwrap();
    group.limit_memory(1_000).unwrap();
    group.limit_processes(9).unwrap();
    group.add(42).unwrap();
    let content = |name: &str| std::fs::read_to_string(root.path().join(name)).unwrap();
    assert_eq!(content("cpu.max"), "100000 100000");
    assert_eq!((content("memory.max"), content("memory.swap.max")), ("1000".to_owned(), "0".to_owned()));
    assert_eq!((content("pids.max"), content("cgroup.procs")), ("9".to_owned(), "42".to_owned()));
    assert_eq!(group.processor_ns().unwrap(), 12_000);
    assert_eq!(group.memory().unwrap(), 4_096);
    assert_eq!((group.kills().unwrap(), group.refusals().unwrap()), (3, 7));
    assert_eq!(group.members().unwrap(), [42]);
    // The directory is not a group, so nothing removes it.
    std::mem::forget(group);
}
