//! Writing so that a name never stands for something incomplete.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use genesis_core::Digest;

use crate::error::Error;
use crate::store::digest_directory;

const STAGED: &str = ".staged-";
const DAMAGED: &str = ".damaged-";
/// After so long nobody is still writing: every write is a few megabytes.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether `path` is there and is what its digest says. What is damaged is set aside, so that it can be replaced
/// and a person can look at it.
pub(crate) fn holds(path: &Path, digest: &Digest, directory: bool) -> Result<bool, Error> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("look at", path)(error)),
        Ok(metadata) if metadata.is_dir() != directory => None,
        Ok(_) if directory => Some(digest_directory(path)?),
        Ok(_) => Some(Digest::of_bytes(&fs::read(path).map_err(Error::io("read", path))?)),
    };
    if found.as_ref() == Some(digest) {
        return Ok(true);
    }
    match fs::rename(path, beside(path, DAMAGED)) {
        // Another process may have been first.
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("set aside", path)(error)),
        _ => Ok(false),
    }
}

/// Writes a file, which appears under its name once it is on the disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    make_parent(path)?;
    let staged = beside(path, STAGED);
    write_synced(&staged, bytes)?;
    publish(&staged, path)
}

/// Writes a directory of files, likewise.
pub(crate) fn write_directory(path: &Path, files: &[(&str, &[u8])]) -> Result<(), Error> {
    make_parent(path)?;
    let staged = beside(path, STAGED);
    fs::create_dir(&staged).map_err(Error::io("create", &staged))?;
    for (name, bytes) in files {
        write_synced(&staged.join(name), bytes)?;
    }
    sync_directory(&staged)?;
    publish(&staged, path)
}

/// Removes from a folder what was staged long ago. What cannot be removed is in nobody's way.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let abandoned = || entry.metadata().ok()?.modified().ok()?.elapsed().ok().filter(|age| *age > ABANDONED);
        if entry.file_name().to_string_lossy().starts_with(STAGED) && abandoned().is_some() {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

fn make_parent(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))
}

/// A name in the same folder that nobody else uses. It is random: in containers that share a volume, every process
/// has the same number.
fn beside(path: &Path, prefix: &str) -> PathBuf {
    path.with_file_name(format!("{prefix}{:032x}", rand::random::<u128>()))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(Error::io("create", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", path))
}

/// Moves a staged artifact to its name. If another process was first, its copy is as good as ours.
fn publish(staged: &Path, path: &Path) -> Result<(), Error> {
    match fs::rename(staged, path) {
        Ok(()) => sync_directory(path.parent().unwrap_or(path)),
        Err(_) if staged.is_dir() && path.is_dir() => fs::remove_dir_all(staged).map_err(Error::io("remove", staged)),
        Err(source) => Err(Error::Io { action: "rename to", path: path.to_owned(), source }),
    }
}
