//! What a cell looks like from inside, decided before anything is forked.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use seccompiler::BpfProgram;

use super::syscalls;
use crate::runtime::Runtime;
use crate::surroundings::Surroundings;

/// Where a program may write; a new file system for each program.
pub(super) const SCRATCH: &std::ffi::CStr = c"/box/scratch";
/// User and group id of a program, seen from inside.
pub(super) const PROGRAM_ID: u32 = 1000;

const ZYGOTE: &str = include_str!("../python/zygote.py");
const HARNESS: &str = include_str!("../python/harness.py");
const TESTER: &str = include_str!("../python/tester.py");
const PLAIN: &str = include_str!("../python/plain.py");
const PASSWD: &str = "root:x:0:0::/:/bin/false\nprogram:x:1000:1000::/tmp:/bin/false\n";
const GROUP: &str = "root:x:0:\nprogram:x:1000:\n";
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Directories of which one is covered, in a private mount namespace, by the root of a cell while it is built.
const BASES: [&str; 7] = ["/mnt", "/media", "/srv", "/opt", "/run", "/tmp", "/var"];

/// One step of building the root of a cell. Paths are absolute on the host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make a directory.
    Directory(CString),
    /// Make a symbolic link.
    Link { target: CString, path: CString },
    /// Write a file that everybody may read.
    File { path: CString, content: &'static [u8] },
    /// Show a file or directory of the host, read-only.
    Bind { source: CString, target: CString, device: bool },
}

/// Everything the child needs between fork and exec.
#[derive(Debug)]
pub(crate) struct Blueprint {
    pub(super) surroundings: Surroundings,
    pub(super) base: CString,
    pub(super) steps: Vec<Step>,
    pub(super) program: CString,
    pub(super) arguments: Vec<CString>,
    pub(super) environment: Vec<CString>,
    pub(super) filters: Vec<BpfProgram>,
}

/// Why no blueprint can be made.
#[derive(Debug, thiserror::Error)]
pub enum BlueprintError {
    /// A path holds a NUL byte.
    #[error("a path of the Python runtime holds a NUL byte")]
    Path(#[from] std::ffi::NulError),
    /// The seccomp filter cannot be built here.
    #[error("seccomp: the filter cannot be built for this processor: {0}")]
    Filter(#[from] seccompiler::BackendError),
    /// There is nowhere to build the root.
    #[error(
        "mount namespace: none of {BASES:?} is a directory without a part of the Python runtime in it; create /srv"
    )]
    Base,
}

impl Blueprint {
    /// The blueprint for programs of one runtime.
    ///
    /// # Errors
    /// Where no directory can carry the root, or the processor has no seccomp filter here.
    pub(crate) fn new(runtime: &Runtime, surroundings: Surroundings) -> Result<Self, BlueprintError> {
        let base = base_for(runtime, std::path::Path::is_dir).ok_or(BlueprintError::Base)?;
        let inside = |path: &Path| text(&base.join(path.strip_prefix("/").unwrap_or(path)));
        Ok(Self {
            surroundings,
            steps: steps(runtime, &inside)?,
            base: text(&base)?,
            program: text(&runtime.executable)?,
            arguments: ["-S", "-s", "-B", "-u", "/genesis/zygote.py"]
                .into_iter()
                .fold(text(&runtime.executable).map(|program| vec![program]), |all, next| {
                    all.and_then(|mut all| CString::new(next).map(|next| all.push(next)).map(|()| all))
                })?,
            environment: environment(runtime)?,
            filters: syscalls::filters(surroundings)?,
        })
    }
}

/// The whole environment of every process of a cell.
fn environment(runtime: &Runtime) -> Result<Vec<CString>, std::ffi::NulError> {
    let directory = runtime.executable.parent().unwrap_or(Path::new("/")).display().to_string();
    [
        ("PATH", directory.as_str()),
        ("HOME", "/tmp"),
        ("TMPDIR", "/tmp"),
        ("LANG", "C.UTF-8"),
        // The same program prints its sets in the same order each time.
        ("PYTHONHASHSEED", "0"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]
    .into_iter()
    .map(|(name, value)| CString::new(format!("{name}={value}")))
    .collect()
}

/// The first directory that exists and has no part of the runtime in it.
fn base_for(runtime: &Runtime, exists: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let parts = || runtime.trees.iter().chain(&runtime.files);
    BASES.iter().map(PathBuf::from).find(|base| exists(base) && !parts().any(|part| part.starts_with(base)))
}

fn steps(
    runtime: &Runtime,
    inside: &impl Fn(&Path) -> Result<CString, std::ffi::NulError>,
) -> Result<Vec<Step>, std::ffi::NulError> {
    let files: [(&str, &'static str); 6] = [
        ("/genesis/zygote.py", ZYGOTE),
        ("/genesis/harness.py", HARNESS),
        ("/genesis/tester.py", TESTER),
        ("/genesis/plain.py", PLAIN),
        ("/etc/passwd", PASSWD),
        ("/etc/group", GROUP),
    ];
    let links = [
        ("/tmp", "/box/scratch"),
        ("/var/tmp", "/box/scratch"),
        ("/dev/shm", "/box/scratch"),
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ];
    let links = || {
        let own = links.iter().map(|&(path, target)| (Path::new(path), Path::new(target)));
        own.chain(runtime.links.iter().map(|(path, target)| (path.as_path(), target.as_path())))
    };
    let single = || DEVICES.iter().map(Path::new).chain(runtime.files.iter().map(PathBuf::as_path));
    let mut directories: BTreeSet<&Path> = ["/proc", "/box/scratch"].iter().map(Path::new).collect();
    directories.extend(runtime.trees.iter().map(PathBuf::as_path));
    let parents = single().chain(files.iter().map(|&(path, _)| Path::new(path))).chain(links().map(|(path, _)| path));
    directories.extend(parents.filter_map(Path::parent));
    let with_ancestors: BTreeSet<&Path> = directories.into_iter().flat_map(Path::ancestors).collect();

    let mut steps = Vec::new();
    // Sorted, so that parents come before their children.
    for directory in with_ancestors.into_iter().filter(|path| *path != Path::new("/")) {
        steps.push(Step::Directory(inside(directory)?));
    }
    for (path, target) in links() {
        steps.push(Step::Link { target: text(target)?, path: inside(path)? });
    }
    for (path, content) in files {
        steps.push(Step::File { path: inside(Path::new(path))?, content: content.as_bytes() });
    }
    for path in single() {
        let (source, target) = (text(path)?, inside(path)?);
        steps.push(Step::File { path: target.clone(), content: b"" });
        steps.push(Step::Bind { source, target, device: path.starts_with("/dev") });
    }
    for tree in &runtime.trees {
        steps.push(Step::Bind { source: text(tree)?, target: inside(tree)?, device: false });
    }
    Ok(steps)
}

fn text(path: &Path) -> Result<CString, std::ffi::NulError> {
    CString::new(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> Runtime {
        Runtime {
            version: "3.11.2".into(),
            executable: "/usr/bin/python3.11".into(),
            trees: ["/usr/lib/python3.11".into()].into(),
            files: ["/usr/bin/python3.11".into(), "/usr/lib/libm.so.6".into()].into(),
            links: [("/lib".into(), "usr/lib".into())].into(),
        }
    }

    #[test]
    fn parents_are_made_before_children_and_links_before_files() {
        let blueprint = Blueprint::new(&runtime(), Surroundings::Linux).unwrap();
        let mut made = BTreeSet::from([blueprint.base.to_str().unwrap().to_owned()]);
        for step in &blueprint.steps {
            let path = match step {
                Step::Directory(path) | Step::Link { path, .. } | Step::File { path, .. } => path,
                Step::Bind { target, .. } => {
                    assert!(made.contains(target.to_str().unwrap()), "{target:?} is mounted on nothing");
                    continue;
                }
            };
            let path = Path::new(path.to_str().unwrap());
            assert!(made.contains(path.parent().unwrap().to_str().unwrap()), "{path:?} has no parent");
            assert!(made.insert(path.to_str().unwrap().to_owned()), "{path:?} is made twice");
        }
    }

    #[test]
    fn the_environment_is_an_allow_list() {
        let names: Vec<String> = Blueprint::new(&runtime(), Surroundings::Linux)
            .unwrap()
            .environment
            .iter()
            .map(|entry| entry.to_str().unwrap().split('=').next().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["PATH", "HOME", "TMPDIR", "LANG", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE"]);
    }

    #[test]
    fn the_root_is_built_where_no_part_of_the_runtime_is_hidden() {
        let mut runtime = runtime();
        runtime.trees.insert("/mnt/python/lib".into());
        assert_eq!(base_for(&runtime, |_| true), Some("/media".into()));
        assert_eq!(base_for(&runtime, |path| path == Path::new("/mnt")), None);
    }
}
