//! Images without an engine or a registry: archives of one layer in OCI's layout.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use genesis_core::Digest;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::layout::PAUSE;
use super::programs::{COREDNS, Programs};

/// An image that is being put together. Everything in it belongs to root.
pub struct Image {
    name: String,
    layer: Builder<Vec<u8>>,
    config: Value,
}

impl Image {
    /// An empty image of this name, such as `localhost/tool:1`. Pods that use it set `imagePullPolicy: Never`.
    pub fn new(name: &str, entrypoint: &[&str]) -> Self {
        let config = json!({ "Entrypoint": entrypoint, "Env": ["PATH=/bin:/usr/bin"], "WorkingDir": "/" });
        Self { name: name.to_owned(), layer: Builder::new(Vec::new()), config }
    }

    /// Adds a file of this machine.
    pub fn file(mut self, place: &str, source: &Path, mode: u32) -> Result<Self> {
        let bytes = fs::read(source).with_context(|| format!("read {}", source.display()))?;
        let mut header = header(EntryType::Regular, mode);
        header.set_size(bytes.len() as u64);
        self.layer.append_data(&mut header, relative(place), bytes.as_slice())?;
        Ok(self)
    }

    /// Adds an empty folder.
    pub fn folder(mut self, place: &str, mode: u32) -> Result<Self> {
        self.layer.append_data(&mut header(EntryType::Directory, mode), relative(place), std::io::empty())?;
        Ok(self)
    }

    /// Adds a symbolic link.
    pub fn link(mut self, place: &str, target: &str) -> Result<Self> {
        self.layer.append_link(&mut header(EntryType::Symlink, 0o777), relative(place), target)?;
        Ok(self)
    }

    /// Sets who runs it, as `uid:gid`.
    pub fn user(mut self, user: &str) -> Self {
        self.config["User"] = user.into();
        self
    }

    /// Writes the archive for [`Node::import`](super::Node::import).
    pub fn write(self, path: &Path) -> Result<()> {
        let layer = self.layer.into_inner()?;
        let rootfs = json!({ "type": "layers", "diff_ids": [Digest::of_bytes(&layer).as_str()] });
        let platform = json!({ "architecture": architecture(), "os": "linux" });
        let config = json!({
            "architecture": architecture(), "os": "linux", "config": self.config, "rootfs": rootfs,
        })
        .to_string();
        let blob = |kind: &str, bytes: &[u8]| {
            json!({
                "mediaType": format!("application/vnd.oci.image.{kind}"),
                "digest": Digest::of_bytes(bytes).as_str(),
                "size": bytes.len(),
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blob("config.v1+json", config.as_bytes()),
            "layers": [blob("layer.v1.tar", &layer)],
        })
        .to_string();
        let mut entry = blob("manifest.v1+json", manifest.as_bytes());
        entry["platform"] = platform;
        entry["annotations"] = json!({ "io.containerd.image.name": self.name });
        let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();

        let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
        let mut archive = Builder::new(file);
        let mut add = |name: &str, bytes: &[u8]| -> Result<()> {
            let mut header = header(EntryType::Regular, 0o644);
            header.set_size(bytes.len() as u64);
            Ok(archive.append_data(&mut header, name, bytes)?)
        };
        add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        for bytes in [layer.as_slice(), config.as_bytes(), manifest.as_bytes()] {
            add(&format!("blobs/sha256/{}", Digest::of_bytes(bytes).hex()), bytes)?;
        }
        add("index.json", index.as_bytes())?;
        Ok(archive.finish()?)
    }
}

/// What every node needs: the first process of a pod, and the name server.
pub(super) fn own(folder: &Path, programs: &Programs) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let pause = folder.join("pause.tar");
    Image::new(PAUSE, &["/pod", "pause"]).file("/pod", &programs.pod, 0o755)?.write(&pause)?;
    let dns = folder.join("coredns.tar");
    Image::new(&format!("localhost/coredns:{COREDNS}"), &["/coredns"])
        .file("/coredns", &programs.network.join("coredns"), 0o755)?
        .user("65532:65532")
        .write(&dns)?;
    Ok(vec![pause, dns])
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

fn relative(place: &str) -> &str {
    place.trim_start_matches('/')
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_same_files_make_the_same_archive() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("tool");
        fs::write(&source, "tool").unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            let image = Image::new("localhost/tool:1", &["/bin/tool"]).folder("/tmp", 0o1777).unwrap();
            image.file("/bin/tool", &source, 0o755).unwrap().link("/bin/t", "tool").unwrap().write(&path).unwrap();
            fs::read(path).unwrap()
        };
        assert_eq!(write("one.tar"), write("two.tar"));
    }

    #[test]
    fn the_index_names_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.tar");
        Image::new("localhost/tool:1", &["/bin/tool"]).user("1:1").write(&path).unwrap();
        let mut archive = tar::Archive::new(File::open(path).unwrap());
        let mut entries = archive.entries().unwrap().map(|entry| entry.unwrap());
        let mut index = entries.find(|entry| entry.path().unwrap().ends_with("index.json")).unwrap();
        let mut text = String::new();
        index.read_to_string(&mut text).unwrap();
        let index: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], "localhost/tool:1");
    }
}
