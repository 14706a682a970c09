//! The Python runtime that programs run on: what it is made of on this machine.

mod elf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

const DISCOVER: &str = include_str!("python/discover.py");
/// Directories that the usual merge of `/usr` makes symbolic links, through which libraries are looked up.
const MERGED: [&str; 5] = ["/bin", "/lib", "/lib64", "/usr/lib64", "/usr/bin"];
/// Paths of a cell that belong to the cell.
const RESERVED: [&str; 6] = ["/box", "/dev", "/genesis", "/proc", "/tmp", "/var/tmp"];

/// Everything of the host that a cell shows, read-only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runtime {
    /// Version of the interpreter: `3.11.2`.
    pub version: String,
    /// The interpreter itself.
    pub executable: PathBuf,
    /// Directories of the standard library.
    pub trees: BTreeSet<PathBuf>,
    /// Single files: the interpreter, shared libraries, the dynamic loader.
    pub files: BTreeSet<PathBuf>,
    /// Symbolic links by which those are found, with their targets.
    pub links: BTreeMap<PathBuf, PathBuf>,
}

/// Why a Python runtime cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The interpreter does not start.
    #[error("{} cannot be started: {source}; name a CPython 3.9 or newer with --python", python.display())]
    Start {
        /// The interpreter asked for.
        python: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The interpreter failed while it described itself.
    #[error("{} is not a usable CPython 3.9 or newer: {reason}", python.display())]
    Unusable {
        /// The interpreter asked for.
        python: PathBuf,
        /// The end of what it wrote.
        reason: String,
    },
    /// A file of the runtime is where a cell has its own files.
    #[error("{} is part of the Python runtime, but a cell needs {reserved} for itself: install Python elsewhere", path.display())]
    Reserved {
        /// The file.
        path: PathBuf,
        /// The cell's directory.
        reserved: &'static str,
    },
    /// A file of the runtime cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Runtime {
    /// Asks the interpreter at `python` what it is made of.
    ///
    /// # Errors
    /// Where it does not start, is too old, or lives where a cell has its own files.
    pub fn discover(python: &Path) -> Result<Self, RuntimeError> {
        let output = Command::new(python)
            .args(["-S", "-s", "-B", "-c", DISCOVER])
            .env_clear()
            .stdin(Stdio::null())
            .current_dir("/")
            .output()
            .map_err(|source| RuntimeError::Start { python: python.to_owned(), source })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut runtime = Self::parse(&text);
        if !output.status.success() || runtime.executable.as_os_str().is_empty() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let reason = stderr.trim().lines().last().unwrap_or("it said nothing").to_owned();
            return Err(RuntimeError::Unusable { python: python.to_owned(), reason });
        }
        runtime.add_links(python)?;
        runtime.check_places()?;
        Ok(runtime)
    }

    /// Reads the lines that `discover.py` prints.
    fn parse(text: &str) -> Self {
        let mut runtime = Self::default();
        for (kind, value) in text.lines().filter_map(|line| line.split_once('\t')) {
            match kind {
                "version" => value.clone_into(&mut runtime.version),
                "executable" => runtime.executable = value.into(),
                "tree" => drop(runtime.trees.insert(value.into())),
                "file" => drop(runtime.files.insert(value.into())),
                "link" => drop(runtime.links.insert(value.into(), PathBuf::new())),
                _ => {}
            }
        }
        runtime
    }

    /// Adds the symbolic links on the way to everything that is looked up by name.
    fn add_links(&mut self, python: &Path) -> Result<(), RuntimeError> {
        let image = std::fs::read(&self.executable)
            .map_err(|source| RuntimeError::Read { path: self.executable.clone(), source })?;
        let loader = elf::interpreter(&image).map(PathBuf::from);
        let cache = Some(PathBuf::from("/etc/ld.so.cache")).filter(|path| path.is_file());
        let sonames: Vec<PathBuf> = std::mem::take(&mut self.links).into_keys().collect();
        let merged = MERGED.iter().map(PathBuf::from).filter(|path| path.is_symlink());
        for path in sonames.into_iter().chain(merged).chain(loader).chain(cache).chain([python.to_owned()]) {
            let real = self.follow(&path)?;
            if real.is_file() {
                self.files.insert(real);
            }
        }
        Ok(())
    }

    /// Follows `path` component by component, noting each symbolic link; returns where it ends.
    fn follow(&mut self, path: &Path) -> Result<PathBuf, RuntimeError> {
        let mut rest: Vec<_> = path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match Path::new(&part).components().next() {
                Some(Component::Normal(name)) => at.push(name),
                Some(Component::ParentDir) => drop(at.pop()),
                Some(Component::RootDir) => at = PathBuf::from("/"),
                _ => {}
            }
            if at.is_symlink() {
                let target =
                    std::fs::read_link(&at).map_err(|source| RuntimeError::Read { path: at.clone(), source })?;
                rest.extend(target.components().rev().map(|part| part.as_os_str().to_owned()));
                self.links.insert(at.clone(), target);
                at.pop();
                links += 1;
                if links > 40 {
                    let source = std::io::Error::from(std::io::ErrorKind::InvalidInput);
                    return Err(RuntimeError::Read { path: path.to_owned(), source });
                }
            }
        }
        Ok(at)
    }

    fn check_places(&self) -> Result<(), RuntimeError> {
        let all = self.trees.iter().chain(&self.files).chain(self.links.keys());
        for path in all {
            if let Some(reserved) = RESERVED.into_iter().find(|reserved| path.starts_with(reserved)) {
                return Err(RuntimeError::Reserved { path: path.clone(), reserved });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_read_line_by_line() {
        let runtime =
            Runtime::parse("version\t3.11.2\nexecutable\t/usr/bin/python3.11\ntree\t/usr/lib/python3.11\nnoise\n");
        assert_eq!(runtime.version, "3.11.2");
        assert_eq!(runtime.trees, BTreeSet::from([PathBuf::from("/usr/lib/python3.11")]));
    }

    #[test]
    fn links_are_followed_and_noted() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::fs::write(root.join("real/lib.so.1"), "").unwrap();
        std::os::unix::fs::symlink("real", root.join("merged")).unwrap();
        std::os::unix::fs::symlink("../real/lib.so.1", root.join("real/lib.so")).unwrap();
        let mut runtime = Runtime::default();
        assert_eq!(runtime.follow(&root.join("merged/lib.so")).unwrap(), root.join("real/lib.so.1"));
        assert_eq!(runtime.links.len(), 2);
    }

    #[test]
    fn a_runtime_inside_the_cells_own_directories_is_refused() {
        let runtime = Runtime { files: BTreeSet::from(["/tmp/venv/bin/python3".into()]), ..Runtime::default() };
        assert!(runtime.check_places().unwrap_err().to_string().contains("needs /tmp for itself"));
    }

    #[test]
    fn what_is_not_python_is_named() {
        let error = Runtime::discover(Path::new("/nonexistent/python3")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/python3"), "{error}");
        let error = Runtime::discover(Path::new("/bin/false")).unwrap_err();
        assert!(error.to_string().contains("not a usable CPython"), "{error}");
    }
}
