use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use genesis_core::wire::ArtifactRef;
use genesis_core::{AdapterRef, Digest};

use crate::error::Error;
use crate::location::{path_of_uri, uri_of_path};
use crate::staging;

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
    /// Every kind.
    const ALL: [Self; 5] = [Self::Dataset, Self::Suite, Self::Checkpoint, Self::Adapter, Self::Report];

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

    /// Opens a directory, and removes what processes that were killed long ago had not finished writing.
    pub fn at(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(Error::io("create", root))?;
        let root = root.canonicalize().map_err(Error::io("open", root))?;
        for kind in Kind::ALL {
            let folder = root.join(kind.folder());
            staging::sweep(&folder);
            staging::sweep(&folder.join("aliases"));
        }
        Ok(Self { root })
    }

    /// The address of the store.
    pub fn uri(&self) -> String {
        uri_of_path(&self.root)
    }

    /// Stores one file. Storing the same bytes again writes nothing, unless what is there is damaged.
    pub fn put(&self, kind: Kind, bytes: &[u8]) -> Result<ArtifactRef, Error> {
        let digest = Digest::of_bytes(bytes);
        let path = self.path(kind, &digest);
        if !staging::holds(&path, &digest, false)? {
            staging::write(&path, bytes)?;
        }
        Ok(ArtifactRef { uri: uri_of_path(&path), digest })
    }

    /// Stores a flat directory of files. Storing the same files again writes nothing, unless what is there is damaged.
    pub fn put_directory(&self, kind: Kind, files: &[(&str, &[u8])]) -> Result<ArtifactRef, Error> {
        let names: Vec<(String, Digest)> = files
            .iter()
            .map(|(name, bytes)| Ok((checked(name)?.to_owned(), Digest::of_bytes(bytes))))
            .collect::<Result<_, Error>>()?;
        let digest = Digest::of_directory(&names);
        let path = self.path(kind, &digest);
        if !staging::holds(&path, &digest, true)? {
            staging::write_directory(&path, files)?;
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
        staging::write(&self.alias_path(kind, name)?, digest.as_str().as_bytes())
    }

    /// Takes a name back; that there is none is no error.
    pub fn forget_alias(&self, kind: Kind, name: &str) -> Result<(), Error> {
        let path = self.alias_path(kind, name)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// The artifact an alias names.
    pub fn resolve(&self, kind: Kind, name: &str) -> Result<ArtifactRef, Error> {
        let path = self.alias_path(kind, name)?;
        let unknown = || Error::UnknownAlias { kind: kind.folder(), name: name.to_owned(), root: self.root.clone() };
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => unknown(),
            _ => Error::io("read", &path)(error),
        })?;
        let digest: Digest = text.trim().parse().map_err(|_| unknown())?;
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

    fn alias_path(&self, kind: Kind, name: &str) -> Result<PathBuf, Error> {
        Ok(self.root.join(kind.folder()).join("aliases").join(checked(name)?))
    }

    fn path(&self, kind: Kind, digest: &Digest) -> PathBuf {
        self.root.join(kind.folder()).join(digest.hex())
    }
}

/// Digest of the files that lie directly in a directory.
pub fn digest_directory(path: &Path) -> Result<Digest, Error> {
    let mut digests = Vec::new();
    each_file(path, |name, bytes| {
        let digest = Digest::of_bytes(&bytes);
        digests.push((name, digest));
    })?;
    Ok(Digest::of_directory(&digests))
}

/// The files that lie directly in a directory, by name, and the digest of what was read: who checks the digest and
/// reads the files again may get others.
pub fn read_directory(path: &Path) -> Result<(Digest, BTreeMap<String, Vec<u8>>), Error> {
    let mut files = BTreeMap::new();
    each_file(path, |name, bytes| drop(files.insert(name, bytes)))?;
    let digests: Vec<_> = files.iter().map(|(name, bytes)| (name.clone(), Digest::of_bytes(bytes))).collect();
    Ok((Digest::of_directory(&digests), files))
}

fn each_file(path: &Path, mut hear: impl FnMut(String, Vec<u8>)) -> Result<(), Error> {
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let file = entry.path();
        if file.is_file() {
            let bytes = fs::read(&file).map_err(Error::io("read", &file))?;
            hear(entry.file_name().to_string_lossy().into_owned(), bytes);
        }
    }
    Ok(())
}

fn checked(name: &str) -> Result<&str, Error> {
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if plain { Ok(name) } else { Err(Error::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests;
