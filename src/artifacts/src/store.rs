use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use genesis_core::wire::ArtifactRef;
use genesis_core::{AdapterRef, Digest};

use crate::error::Error;
use crate::location::{path_of_uri, uri_of_path};

/// What an artifact is for: its folder in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Frozen training rows, JSON lines.
    Dataset,
    /// Tasks with hidden tests, JSON.
    Suite,
    /// Trainer state, a directory.
    Checkpoint,
    /// PEFT directories.
    Adapter,
    /// Evaluation reports, JSON.
    Report,
}

impl Kind {
    /// Name of the folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Dataset => "datasets",
            Self::Suite => "suites",
            Self::Checkpoint => "checkpoints",
            Self::Adapter => "adapters",
            Self::Report => "reports",
        }
    }
}

/// A store on a directory that all parts can reach.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens `file:///…`, making the folder if it is not there.
    pub fn open(uri: &str) -> Result<Self, Error> {
        Self::at(&path_of_uri(uri)?)
    }

    /// Opens a directory.
    pub fn at(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(Error::io("create", root))?;
        let root = root.canonicalize().map_err(Error::io("open", root))?;
        Ok(Self { root })
    }

    /// The address of the store.
    pub fn uri(&self) -> String {
        uri_of_path(&self.root)
    }

    /// Stores one file. Storing the same bytes again is free.
    pub fn put(&self, kind: Kind, bytes: &[u8]) -> Result<ArtifactRef, Error> {
        let digest = Digest::of_bytes(bytes);
        let path = self.path(kind, &digest);
        if !path.exists() {
            let staged = self.stage(kind)?;
            write_synced(&staged, bytes)?;
            publish(&staged, &path)?;
        }
        Ok(ArtifactRef { uri: uri_of_path(&path), digest })
    }

    /// Stores a flat directory of files. Storing the same files again is free.
    pub fn put_directory(&self, kind: Kind, files: &[(&str, &[u8])]) -> Result<ArtifactRef, Error> {
        let names: Vec<(String, Digest)> = files
            .iter()
            .map(|(name, bytes)| Ok((checked(name)?.to_owned(), Digest::of_bytes(bytes))))
            .collect::<Result<_, Error>>()?;
        let digest = Digest::of_directory(&names);
        let path = self.path(kind, &digest);
        if !path.exists() {
            let staged = self.stage(kind)?;
            fs::create_dir(&staged).map_err(Error::io("create", &staged))?;
            for (name, bytes) in files {
                write_synced(&staged.join(name), bytes)?;
            }
            sync_directory(&staged)?;
            publish(&staged, &path)?;
        }
        Ok(ArtifactRef { uri: uri_of_path(&path), digest })
    }

    /// Stores an adapter's directory.
    pub fn put_adapter(&self, files: &[(&str, &[u8])]) -> Result<AdapterRef, Error> {
        let ArtifactRef { uri, digest } = self.put_directory(Kind::Adapter, files)?;
        Ok(AdapterRef { uri, digest })
    }

    /// Gives an artifact a name of its own within its kind. An alias can be moved to another digest.
    pub fn alias(&self, kind: Kind, name: &str, digest: &Digest) -> Result<(), Error> {
        let folder = self.root.join(kind.folder()).join("aliases");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let staged = self.stage(kind)?;
        write_synced(&staged, digest.as_str().as_bytes())?;
        publish(&staged, &folder.join(checked(name)?))
    }

    /// The artifact an alias names.
    pub fn resolve(&self, kind: Kind, name: &str) -> Result<ArtifactRef, Error> {
        let path = self.root.join(kind.folder()).join("aliases").join(checked(name)?);
        let unknown = || Error::UnknownAlias { kind: kind.folder(), name: name.to_owned(), root: self.root.clone() };
        let digest: Digest = fs::read_to_string(&path).map_err(|_| unknown())?.trim().parse().map_err(|_| unknown())?;
        Ok(ArtifactRef { uri: uri_of_path(&self.path(kind, &digest)), digest })
    }

    /// Reads a file and checks that it is what its digest says.
    pub fn read(uri: &str, digest: &Digest) -> Result<Vec<u8>, Error> {
        let path = path_of_uri(uri)?;
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        let found = Digest::of_bytes(&bytes);
        if found == *digest { Ok(bytes) } else { Err(Error::Digest { path, expected: digest.clone(), found }) }
    }

    /// Checks that a directory is what its digest says, and gives its path.
    pub fn verify_directory(uri: &str, digest: &Digest) -> Result<PathBuf, Error> {
        let path = path_of_uri(uri)?;
        let found = digest_directory(&path)?;
        if found == *digest { Ok(path) } else { Err(Error::Digest { path, expected: digest.clone(), found }) }
    }

    fn path(&self, kind: Kind, digest: &Digest) -> PathBuf {
        self.root.join(kind.folder()).join(digest.hex())
    }

    /// A name nobody else uses: the process and a counter.
    fn stage(&self, kind: Kind) -> Result<PathBuf, Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let folder = self.root.join(kind.folder());
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let path = folder.join(format!(".staged-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        // Left behind by a process of the same number that was killed.
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        } else if path.exists() {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(path)
    }
}

/// Digest of the files that lie directly in a directory.
pub fn digest_directory(path: &Path) -> Result<Digest, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let file = entry.path();
        if file.is_file() {
            let bytes = fs::read(&file).map_err(Error::io("read", &file))?;
            files.push((entry.file_name().to_string_lossy().into_owned(), Digest::of_bytes(&bytes)));
        }
    }
    Ok(Digest::of_directory(&files))
}

fn checked(name: &str) -> Result<&str, Error> {
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if plain { Ok(name) } else { Err(Error::Name(name.to_owned())) }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = File::create(path).map_err(Error::io("create", path))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        (folder, store)
    }

    #[test]
    fn the_same_bytes_are_one_artifact() {
        let (_folder, store) = store();
        let a = store.put(Kind::Dataset, b"rows").unwrap();
        assert_eq!(a, store.put(Kind::Dataset, b"rows").unwrap());
        assert_eq!(Store::read(&a.uri, &a.digest).unwrap(), b"rows");
    }

    #[test]
    fn a_changed_file_is_refused_with_both_digests() {
        let (_folder, store) = store();
        let a = store.put(Kind::Report, b"true").unwrap();
        fs::write(path_of_uri(&a.uri).unwrap(), b"false").unwrap();
        assert!(matches!(Store::read(&a.uri, &a.digest), Err(Error::Digest { .. })));
    }

    #[test]
    fn directories_are_verified_as_a_whole() {
        let (_folder, store) = store();
        let files: [(&str, &[u8]); 2] = [("adapter_config.json", b"{}"), ("adapter_model.safetensors", b"x")];
        let adapter = store.put_adapter(&files).unwrap();
        let path = Store::verify_directory(&adapter.uri, &adapter.digest).unwrap();
        fs::write(path.join("adapter_config.json"), b"{ }").unwrap();
        assert!(matches!(Store::verify_directory(&adapter.uri, &adapter.digest), Err(Error::Digest { .. })));
    }

    #[test]
    fn aliases_move_and_unknown_ones_are_named() {
        let (_folder, store) = store();
        let (a, b) = (store.put(Kind::Suite, b"a").unwrap(), store.put(Kind::Suite, b"b").unwrap());
        store.alias(Kind::Suite, "sealed", &a.digest).unwrap();
        store.alias(Kind::Suite, "sealed", &b.digest).unwrap();
        assert_eq!(store.resolve(Kind::Suite, "sealed").unwrap(), b);
        assert!(matches!(store.resolve(Kind::Suite, "dev"), Err(Error::UnknownAlias { .. })));
    }

    #[test]
    fn names_cannot_leave_the_store() {
        let (_folder, store) = store();
        for name in ["", "..", "../x", "/etc/passwd", "a b", ".hidden"] {
            assert!(matches!(store.resolve(Kind::Suite, name), Err(Error::Name(_))), "{name:?}");
            assert!(matches!(store.put_directory(Kind::Adapter, &[(name, b"")]), Err(Error::Name(_))), "{name:?}");
        }
    }
}
