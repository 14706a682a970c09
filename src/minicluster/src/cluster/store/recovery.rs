//! Reading a data directory back after a stop or a crash.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    StoreError,
    journal::{self, Record},
};
use crate::cluster::state::{ChangeKind, State};

/// What a data directory held.
#[derive(Debug)]
pub struct Recovered {
    /// State after the last whole record.
    pub state: State,
    /// The newest journal file, if there is one.
    pub journal: Option<PathBuf>,
    /// Bytes of whole records in it.
    pub journal_bytes: u64,
    /// Size of the snapshot.
    pub snapshot_bytes: u64,
}

/// Recovers the state in `dir`.
pub fn recover(dir: &Path) -> Result<Recovered, StoreError> {
    let failed = |path: &Path, source| StoreError::Directory { path: path.to_owned(), source };
    let snapshot_path = dir.join("snapshot");
    let snapshot = match fs::read(&snapshot_path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(&snapshot_path, error)),
    };
    let mut state = restore_snapshot(&snapshot_path, &snapshot)?;
    let files = journals(dir).map_err(|e| failed(dir, e))?;
    let mut newest = None;
    for (i, (path, _)) in files.iter().enumerate() {
        let bytes = fs::read(path).map_err(|e| failed(path, e))?;
        let last = i + 1 == files.len();
        let whole = replay(path, &bytes, last, &mut state)?;
        newest = Some((path.clone(), whole));
    }
    let (journal, journal_bytes) = newest.map_or((None, 0), |(path, whole)| (Some(path), whole));
    Ok(Recovered { state, journal, journal_bytes, snapshot_bytes: snapshot.len() as u64 })
}

/// Journal files of `dir` and the revisions they start after, oldest first.
pub fn journals(dir: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let start = name.to_str().and_then(|n| n.strip_prefix("journal-")).and_then(|n| n.parse().ok());
        found.extend(start.map(|start| (entry.path(), start)));
    }
    found.sort_by_key(|(_, start)| *start);
    Ok(found)
}

/// A snapshot is renamed into place when it is whole, so any damage in it is corruption.
fn restore_snapshot(path: &Path, bytes: &[u8]) -> Result<State, StoreError> {
    let (mut objects, mut revision, mut ended) = (BTreeMap::new(), 0, bytes.is_empty());
    for (i, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let corrupt = || StoreError::Corrupt { path: path.to_owned(), record: i + 1 };
        let record = whole_record(line).ok_or_else(corrupt)?;
        revision = record.revision;
        if record.op == "end" {
            ended = true;
        } else {
            objects.insert(record.key(), record.object);
        }
    }
    if !ended {
        return Err(StoreError::Corrupt { path: path.to_owned(), record: objects.len() + 1 });
    }
    Ok(State::restore(revision, objects))
}

/// Applies the records of one journal and returns the bytes of the whole ones.
///
/// Only the newest journal may end in a torn record.
fn replay(path: &Path, bytes: &[u8], may_be_torn: bool, state: &mut State) -> Result<u64, StoreError> {
    let (mut whole, mut torn) = (0, None);
    for (i, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        match whole_record(line) {
            Some(record) if torn.is_none() => {
                whole += line.len() as u64;
                if record.revision > state.revision() {
                    apply(&record, state);
                }
            }
            Some(_) => return Err(StoreError::Corrupt { path: path.to_owned(), record: torn.unwrap_or(i) + 1 }),
            None => torn = torn.or(Some(i)),
        }
    }
    match torn {
        Some(i) if !may_be_torn => Err(StoreError::Corrupt { path: path.to_owned(), record: i + 1 }),
        _ => Ok(whole),
    }
}

fn whole_record(line: &[u8]) -> Option<Record> {
    journal::decode(line.strip_suffix(b"\n")?)
}

fn apply(record: &Record, state: &mut State) {
    let key = record.key();
    let kind = match record.op.as_str() {
        "delete" => ChangeKind::Deleted,
        _ if state.get(&key).is_some() => ChangeKind::Modified,
        _ => ChangeKind::Added,
    };
    state.apply(record.revision, kind, &key, record.object.clone());
}
