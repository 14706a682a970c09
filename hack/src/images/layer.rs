//! Packs the files of a layer: the same files give the same bytes.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::program;
use super::tree::{Content, Node, Tree};

/// A layer that is still to be packed.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What it holds, for people.
    pub title: &'static str,
    /// Its files.
    pub tree: Tree,
}

/// A packed one.
#[derive(Clone, Debug)]
pub struct Packed {
    /// What it holds, for people.
    pub title: &'static str,
    /// An archive, not compressed: whoever reads it here unpacks it at once, and what a compressor writes differs from
    /// version to version.
    pub bytes: Vec<u8>,
    /// SHA-256 of those in hexadecimal.
    pub digest: String,
}

impl Layer {
    /// Packs it with `epoch` as the time of every file.
    pub fn pack(&self, epoch: u64) -> Result<Packed> {
        let mut archive = Builder::new(Vec::new());
        for (path, node) in self.tree.nodes() {
            append(&mut archive, path, &node, epoch).with_context(|| format!("pack {}", path.display()))?;
        }
        let bytes = archive.into_inner().context("pack a layer")?;
        let digest = hex::encode(Sha256::digest(&bytes));
        Ok(Packed { title: self.title, bytes, digest })
    }
}

fn append(archive: &mut Builder<Vec<u8>>, path: &Path, node: &Node, epoch: u64) -> Result<()> {
    let path = path.strip_prefix("/")?;
    match node {
        Node::Directory(mode) => {
            let mut header = header(EntryType::Directory, *mode, 0, epoch);
            archive.append_data(&mut header, path, std::io::empty())?;
        }
        Node::Link(target) => {
            let mut header = header(EntryType::Symlink, 0o777, 0, epoch);
            archive.append_link(&mut header, path, target)?;
        }
        Node::File(mode, Content::Text(text)) => file(archive, path, *mode, text.as_bytes(), epoch)?,
        Node::File(mode, Content::Program(source)) => file(archive, path, *mode, &program::stripped(source)?, epoch)?,
        Node::File(mode, Content::Copy(source)) => {
            let content = File::open(source).with_context(|| format!("read {}", source.display()))?;
            let mut header = header(EntryType::Regular, *mode, content.metadata()?.len(), epoch);
            archive.append_data(&mut header, path, content)?;
        }
    }
    Ok(())
}

fn file(archive: &mut Builder<Vec<u8>>, path: &Path, mode: u32, content: &[u8], epoch: u64) -> Result<()> {
    let mut header = header(EntryType::Regular, mode, content.len() as u64, epoch);
    Ok(archive.append_data(&mut header, path, content)?)
}

/// The header of an entry that belongs to root, wherever and by whomever it is packed.
pub(super) fn header(kind: EntryType, mode: u32, size: u64, epoch: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(epoch);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_the_same_whenever_it_is_packed() {
        let folder = tempfile::tempdir().unwrap();
        let pack = |name: &str| {
            let source = folder.path().join(name);
            std::fs::write(&source, "text").unwrap();
            let mut tree = Tree::default();
            tree.copy("/etc/file", &source).unwrap();
            tree.put("/etc/alias", Node::Link("file".into()));
            tree.put("/tmp", Node::Directory(0o1777));
            Layer { title: "test", tree }.pack(0).unwrap()
        };
        let (first, second) = (pack("one"), pack("two"));
        assert_eq!(first.digest, second.digest);
        let mut archive = tar::Archive::new(first.bytes.as_slice());
        let entries: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().header().clone()).collect();
        let told = |header: &Header| (header.path().unwrap().display().to_string(), header.mode().unwrap());
        let told: Vec<_> = entries.iter().map(told).collect();
        assert_eq!(told[0], ("etc".to_owned(), 0o755));
        assert_eq!(told[1], ("etc/alias".to_owned(), 0o777));
        assert_eq!(told[3], ("tmp".to_owned(), 0o1777));
        assert!(entries.iter().all(|header| header.mtime().unwrap() == 0 && header.uid().unwrap() == 0));
    }
}
