//! Reads an archive as a container engine does.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};
use sha2::{Digest, Sha256};
use tar::Archive;

/// How a container of an image runs.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// The program, with its arguments.
    pub entrypoint: Vec<String>,
    /// Its environment, as `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Who it runs as.
    pub user: String,
}

/// Unpacks the image in the archive at `path` into `folder`, as root would, and returns how its containers run. Every
/// part is compared with its digest.
pub fn unpack(path: &Path, folder: &Path) -> Result<Usage> {
    let mut files = read(path)?;
    let index = files.remove("index.json").context("the archive has no index.json")?;
    let index = ImageIndex::from_reader(index.as_slice())?;
    let [manifest] = index.manifests().as_slice() else { return Err(anyhow!("the archive does not hold one image")) };
    let mut blob = |digest: &str| -> Result<Vec<u8>> {
        let hex = digest.strip_prefix("sha256:").with_context(|| format!("{digest} is no SHA-256"))?;
        let bytes = files.remove(&format!("blobs/sha256/{hex}")).with_context(|| format!("{digest} is not there"))?;
        ensure!(hex::encode(Sha256::digest(&bytes)) == hex, "{digest} holds something else");
        Ok(bytes)
    };
    let manifest = ImageManifest::from_reader(blob(manifest.digest().as_ref())?.as_slice())?;
    let configuration = ImageConfiguration::from_reader(blob(manifest.config().digest().as_ref())?.as_slice())?;
    let layers: Vec<String> = manifest.layers().iter().map(|layer| layer.digest().to_string()).collect();
    // They are not compressed, so both digests are of the same bytes.
    ensure!(&layers == configuration.rootfs().diff_ids(), "the manifest and the configuration name other layers");
    for layer in layers {
        let bytes = blob(&layer)?;
        let mut archive = Archive::new(bytes.as_slice());
        archive.set_preserve_permissions(true);
        archive.set_preserve_ownerships(true);
        archive.set_overwrite(true);
        archive.unpack(folder).with_context(|| format!("unpack {layer}"))?;
    }
    let config = configuration.config().as_ref().context("the image does not say how it runs")?;
    Ok(Usage {
        entrypoint: config.entrypoint().clone().unwrap_or_default(),
        environment: config.env().clone().unwrap_or_default(),
        user: config.user().clone().unwrap_or_default(),
    })
}

fn read(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = Archive::new(File::open(path).with_context(|| format!("read {}", path.display()))?);
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    Ok(files)
}
