//! The journal's files and records.
//!
//! `snapshot` holds every object as of one revision; `journal-<revision>` the changes after it, one record a line:
//! 16 hexadecimal digits of the SHA-256 of the rest, a space, and JSON. A record whose digest is wrong was torn by a
//! crash before it was acknowledged, if nothing valid follows it.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{StoreError, recovery};
use crate::cluster::{
    resource::{GroupResource, ObjectKey},
    state::{Change, ChangeKind, State},
};

/// A journal smaller than this is never compacted.
const COMPACT_FROM_BYTES: u64 = 16 << 20;

/// How long the lock of a directory is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Records of a snapshot are written in pieces of about this size.
const PIECE_BYTES: usize = 1 << 20;

/// One record: a change, or in a snapshot an object that exists.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// Revision of the change; in a snapshot the revision of the whole.
    pub revision: u64,
    /// `put`, `delete`, or `end` for the last record of a snapshot.
    pub op: String,
    /// API group.
    pub group: String,
    /// Plural.
    pub resource: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The object after the change, or its last state.
    pub object: Arc<Value>,
}

impl Record {
    /// Storage key.
    pub fn key(&self) -> ObjectKey {
        let resource = GroupResource::new(&self.group, &self.resource);
        ObjectKey { resource, namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

/// Appends the record of `change` to `out`.
pub fn encode(change: &Change, out: &mut Vec<u8>) {
    let op = if change.kind == ChangeKind::Deleted { "delete" } else { "put" };
    encode_record(&record(change.revision, op, &change.key, change.object.clone()), out);
}

fn record(revision: u64, op: &str, key: &ObjectKey, object: Arc<Value>) -> Record {
    Record {
        revision,
        op: op.to_owned(),
        group: key.resource.group().to_owned(),
        resource: key.resource.resource().to_owned(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        object,
    }
}

fn encode_record(record: &Record, out: &mut Vec<u8>) {
    // Maps with string keys always serialise.
    let json = serde_json::to_vec(record).unwrap_or_default();
    out.extend_from_slice(digest(&json).as_bytes());
    out.push(b' ');
    out.extend_from_slice(&json);
    out.push(b'\n');
}

fn digest(json: &[u8]) -> String {
    hex::encode(&Sha256::digest(json)[..8])
}

/// Decodes one line without its line feed; `None` if it is torn.
pub fn decode(line: &[u8]) -> Option<Record> {
    let (sum, json) = (line.get(..16)?, line.get(17..)?);
    if line[16] != b' ' || digest(json).as_bytes() != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// The open journal of a data directory.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    file: File,
    written: u64,
    live_bytes: u64,
    _lock: File,
}

impl Journal {
    /// Recovers the state of `dir` and opens its journal for appending.
    pub fn open(dir: &Path) -> Result<(State, Self), StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Directory { path, source }
        };
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let lock_path = dir.join("lock");
        let lock = File::create(&lock_path).map_err(failed(&lock_path))?;
        take(&lock).map_err(|_| StoreError::Locked { path: dir.to_owned() })?;
        let recovered = recovery::recover(dir)?;
        let path = recovered.journal.unwrap_or_else(|| journal_path(dir, recovered.state.revision()));
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed(&path))?;
        // Cut off what a crash left of an unacknowledged record, so that new records start on a fresh line.
        file.set_len(recovered.journal_bytes).map_err(failed(&path))?;
        file.sync_all().map_err(failed(&path))?;
        sync_dir(dir).map_err(failed(dir))?;
        let journal = Self {
            dir: dir.to_owned(),
            file,
            written: recovered.journal_bytes,
            live_bytes: recovered.snapshot_bytes,
            _lock: lock,
        };
        Ok((recovered.state, journal))
    }

    /// Appends encoded records and waits for the disk.
    pub fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        self.file.write_all(batch)?;
        self.file.sync_data()?;
        self.written += batch.len() as u64;
        Ok(())
    }

    /// Whether the journal, with `more` bytes, has outgrown the objects it describes.
    pub fn wants_snapshot(&self, more: usize) -> bool {
        self.written + more as u64 > COMPACT_FROM_BYTES.max(4 * self.live_bytes)
    }

    /// Writes a snapshot of `objects` at `revision`, starts a new journal and removes the old ones.
    pub fn compact(&mut self, revision: u64, objects: &BTreeMap<ObjectKey, Arc<Value>>) -> io::Result<()> {
        let temporary = self.dir.join("snapshot.tmp");
        let mut file = File::create(&temporary)?;
        let (mut buffer, mut total) = (Vec::new(), 0);
        for (key, object) in objects {
            encode_record(&record(revision, "put", key, object.clone()), &mut buffer);
            if buffer.len() >= PIECE_BYTES {
                file.write_all(&buffer)?;
                total += buffer.len() as u64;
                buffer.clear();
            }
        }
        let end = ObjectKey { resource: GroupResource::new("", ""), namespace: String::new(), name: String::new() };
        encode_record(&record(revision, "end", &end, Arc::new(Value::Null)), &mut buffer);
        file.write_all(&buffer)?;
        file.sync_all()?;
        // The new journal exists before the snapshot that needs it: a crash in between leaves an empty, ignored file.
        let path = journal_path(&self.dir, revision);
        let journal = OpenOptions::new().create(true).append(true).open(&path)?;
        fs::rename(&temporary, self.dir.join("snapshot"))?;
        sync_dir(&self.dir)?;
        for (old, _) in recovery::journals(&self.dir)?.into_iter().filter(|(_, start)| *start < revision) {
            fs::remove_file(old)?;
        }
        (self.file, self.written, self.live_bytes) = (journal, 0, total + buffer.len() as u64);
        Ok(())
    }
}

/// Takes the lock of a directory. A predecessor that has just been killed, or a child of it between fork and exec, may
/// hold it for a moment longer.
fn take(lock: &File) -> Result<(), std::fs::TryLockError> {
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Err(_) if begun.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_PATIENCE / 50),
            result => return result,
        }
    }
}

/// Path of the journal of changes after `revision`.
pub fn journal_path(dir: &Path, revision: u64) -> PathBuf {
    dir.join(format!("journal-{revision:020}"))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
