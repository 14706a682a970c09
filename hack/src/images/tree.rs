//! The files of one layer, before they are packed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// What is at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory with its permissions.
    Directory(u32),
    /// A file with its permissions.
    File(u32, Content),
    /// A symbolic link with its target.
    Link(PathBuf),
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// This text.
    Text(String),
    /// What a file of this machine holds.
    Copy(PathBuf),
    /// A program of this workspace, without what only a debugger reads.
    Program(PathBuf),
}

/// Paths, sorted, with what is there. The directories above them are made where none is named.
#[derive(Clone, Debug, Default)]
pub struct Tree(BTreeMap<PathBuf, Node>);

impl Tree {
    /// Puts `node` at the absolute `path`.
    pub fn put(&mut self, path: impl Into<PathBuf>, node: Node) {
        self.0.insert(path.into(), node);
    }

    /// Puts a text that everybody may read at `path`.
    pub fn text(&mut self, path: &str, text: impl Into<String>) {
        self.put(path, Node::File(0o644, Content::Text(text.into())));
    }

    /// Copies the file `source` to `path`. Whoever may run it here may do so in the image; all may read it.
    pub fn copy(&mut self, path: impl Into<PathBuf>, source: &Path) -> Result<()> {
        let mode = fs::metadata(source).with_context(|| format!("read {}", source.display()))?.permissions().mode();
        let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
        self.put(path, Node::File(mode, Content::Copy(source.to_owned())));
        Ok(())
    }

    /// Copies what is in the folder `source` to `path`, but for entries that `skip` names.
    pub fn folder(&mut self, path: &Path, source: &Path, skip: impl Fn(&str) -> bool) -> Result<()> {
        let entries = WalkDir::new(source)
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !skip(&entry.file_name().to_string_lossy()));
        for entry in entries {
            let entry = entry.with_context(|| format!("read {}", source.display()))?;
            let to = path.join(entry.path().strip_prefix(source)?);
            if entry.file_type().is_dir() {
                self.put(to, Node::Directory(0o755));
            } else if entry.file_type().is_symlink() {
                self.put(to, Node::Link(fs::read_link(entry.path())?));
            } else if entry.file_type().is_file() {
                self.copy(to, entry.path())?;
            }
        }
        Ok(())
    }

    /// Every path with what is there, parents before their children. The root itself is not part of a layer.
    pub fn nodes(&self) -> BTreeMap<&Path, Node> {
        let parents = self.0.keys().flat_map(|path| path.ancestors().skip(1));
        let mut nodes: BTreeMap<&Path, Node> = parents.map(|path| (path, Node::Directory(0o755))).collect();
        nodes.extend(self.0.iter().map(|(path, node)| (path.as_path(), node.clone())));
        nodes.remove(Path::new("/"));
        nodes
    }

    /// Adds everything that decides how the layer comes out to `hash`.
    pub fn inputs(&self, hash: &mut Sha256) -> Result<()> {
        for (path, node) in self.nodes() {
            let (kind, content) = match &node {
                Node::Directory(mode) => (format!("directory {mode:o}"), Sha256::digest([])),
                Node::File(mode, content) => (format!("file {mode:o} {}", content.kind()), content.digest()?),
                Node::Link(target) => (format!("link {}", target.display()), Sha256::digest([])),
            };
            hash.update(format!("{}\0{kind}\0", path.display()));
            hash.update(content);
        }
        Ok(())
    }
}

impl Content {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Copy(_) => "as it is",
            Self::Program(_) => "stripped",
        }
    }

    fn digest(&self) -> Result<sha2::digest::Output<Sha256>> {
        match self {
            Self::Text(text) => Ok(Sha256::digest(text)),
            Self::Copy(path) | Self::Program(path) => {
                let mut hash = Sha256::new();
                let mut file = fs::File::open(path).with_context(|| format!("read {}", path.display()))?;
                std::io::copy(&mut file, &mut hash).with_context(|| format!("read {}", path.display()))?;
                Ok(hash.finalize())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(tree: &Tree) -> sha2::digest::Output<Sha256> {
        let mut hash = Sha256::new();
        tree.inputs(&mut hash).unwrap();
        hash.finalize()
    }

    #[test]
    fn directories_come_before_what_is_in_them() {
        let mut tree = Tree::default();
        tree.text("/etc/passwd", "");
        tree.put("/tmp", Node::Directory(0o1777));
        let paths: Vec<_> = tree.nodes().into_keys().map(|path| path.display().to_string()).collect();
        assert_eq!(paths, ["/etc", "/etc/passwd", "/tmp"]);
    }

    #[test]
    fn folders_are_copied_with_their_links_and_without_rights_that_nobody_gave() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("skipped")).unwrap();
        fs::write(folder.path().join("skipped/file"), "").unwrap();
        fs::write(folder.path().join("tool"), "x").unwrap();
        fs::set_permissions(folder.path().join("tool"), fs::Permissions::from_mode(0o6777)).unwrap();
        std::os::unix::fs::symlink("tool", folder.path().join("alias")).unwrap();
        let mut tree = Tree::default();
        tree.folder(Path::new("/opt"), folder.path(), |name| name == "skipped").unwrap();
        let nodes = tree.nodes();
        assert_eq!(nodes.len(), 3);
        assert_eq!(nodes[Path::new("/opt/alias")], Node::Link("tool".into()));
        let Node::File(mode, _) = nodes[Path::new("/opt/tool")] else { panic!("{nodes:?}") };
        assert_eq!(mode, 0o755);
    }

    #[test]
    fn whatever_changes_the_layer_changes_its_inputs() {
        let mut trees = vec![Tree::default()];
        for node in [
            Node::Directory(0o755),
            Node::Directory(0o1777),
            Node::Link("b".into()),
            Node::Link("c".into()),
            Node::File(0o644, Content::Text("b".into())),
            Node::File(0o644, Content::Text("c".into())),
            Node::File(0o755, Content::Text("c".into())),
        ] {
            let mut tree = Tree::default();
            tree.put("/a", node);
            trees.push(tree);
        }
        let digests: std::collections::BTreeSet<_> = trees.iter().map(digest).collect();
        assert_eq!(digests.len(), trees.len());
    }
}
