//! An image as one file: the layout of the Open Container Initiative in a tar archive.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use oci_spec::image::{
    ANNOTATION_REF_NAME, Config, Descriptor, HistoryBuilder, ImageConfigurationBuilder, ImageIndex, ImageIndexBuilder,
    ImageManifestBuilder, MediaType, OciLayoutBuilder, RootFsBuilder, SCHEMA_VERSION, Sha256Digest,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType};

use super::layer::{self, Packed};

/// The name under which containerd stores the image.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// Digest of everything that the image was made from.
const INPUTS: &str = "genesis.truth.si/inputs";
const INDEX: &str = "index.json";

/// An image that is ready to be written.
#[derive(Debug)]
pub struct Image {
    /// Its reference as container runtimes keep it.
    pub reference: String,
    /// How a container of it runs.
    pub config: Config,
    /// Its layers, from the lowest.
    pub layers: Vec<Packed>,
    /// Digest of everything that it was made from.
    pub inputs: String,
    /// The time of everything in it.
    pub epoch: u64,
}

impl Image {
    /// Writes it to `path`, all of it or nothing, and returns its digest.
    pub fn write(&self, path: &Path) -> Result<String> {
        let mut blobs = BTreeMap::new();
        let config = blob(&mut blobs, MediaType::ImageConfig, canonical(&self.configuration()?)?)?;
        let layers = self.layers.iter().map(|layer| descriptor(MediaType::ImageLayer, &layer.digest, &layer.bytes));
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(config)
            .layers(layers.collect::<Result<Vec<_>>>()?)
            .build()?;
        let mut manifest = blob(&mut blobs, MediaType::ImageManifest, canonical(&manifest)?)?;
        let digest = manifest.digest().to_string();
        let tag = self.reference.rsplit(':').next().unwrap_or_default();
        manifest.set_annotations(Some(HashMap::from([
            (CONTAINERD_NAME.to_owned(), self.reference.clone()),
            (ANNOTATION_REF_NAME.to_owned(), tag.to_owned()),
            (INPUTS.to_owned(), self.inputs.clone()),
        ])));
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests(vec![manifest])
            .build()?;
        let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build()?;

        let mut files = vec![(INDEX.to_owned(), canonical(&index)?), ("oci-layout".into(), canonical(&layout)?)];
        files.extend(blobs.into_iter().map(|(digest, bytes)| (format!("blobs/sha256/{digest}"), bytes)));
        let layers: BTreeMap<&str, &[u8]> =
            self.layers.iter().map(|layer| (layer.digest.as_str(), layer.bytes.as_slice())).collect();
        let small = files.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice()));
        let large = layers.into_iter().map(|(digest, bytes)| (format!("blobs/sha256/{digest}"), bytes));
        write(path, small.chain(large), self.epoch)?;
        Ok(digest)
    }

    fn configuration(&self) -> Result<oci_spec::image::ImageConfiguration> {
        let created = jiff::Timestamp::from_second(self.epoch.try_into()?)?.to_string();
        let history = self.layers.iter().map(|layer| {
            HistoryBuilder::default().created(created.clone()).created_by(layer.title).build().map_err(Into::into)
        });
        let differences: Vec<String> = self.layers.iter().map(|layer| format!("sha256:{}", layer.digest)).collect();
        // The default architecture is the one that this program, and so the others, were built for.
        Ok(ImageConfigurationBuilder::default()
            .created(created.clone())
            .config(self.config.clone())
            .rootfs(RootFsBuilder::default().typ("layers").diff_ids(differences).build()?)
            .history(history.collect::<Result<Vec<_>>>()?)
            .build()?)
    }
}

/// What an archive says of the image in it, read from its beginning.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Digest of the image.
    pub digest: String,
    /// The reference it is stored under.
    pub reference: String,
    /// Digest of everything that it was made from.
    pub inputs: String,
}

/// What the archive at `path` holds; nothing where it is not one that [`Image::write`] made.
pub fn look(path: &Path) -> Option<Found> {
    let mut archive = Archive::new(File::open(path).ok()?);
    let entry = archive.entries().ok()?.next()?.ok()?;
    if entry.path().ok()? != Path::new(INDEX) {
        return None;
    }
    let index = ImageIndex::from_reader(entry).ok()?;
    let manifest = index.manifests().first()?;
    let said = |name: &str| manifest.annotations().as_ref()?.get(name).cloned();
    Some(Found { digest: manifest.digest().to_string(), reference: said(CONTAINERD_NAME)?, inputs: said(INPUTS)? })
}

fn write<'a>(path: &Path, files: impl Iterator<Item = (String, &'a [u8])>, epoch: u64) -> Result<()> {
    let folder = path.parent().ok_or_else(|| anyhow!("{} is not a file", path.display()))?;
    // Whoever imports it need not be who made it; the umask still counts.
    let staged = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
    let staged = staged.with_context(|| format!("write to {}", folder.display()))?;
    let mut archive = Builder::new(BufWriter::new(staged));
    for (name, bytes) in files {
        let mut header = layer::header(EntryType::Regular, 0o644, bytes.len() as u64, epoch);
        archive.append_data(&mut header, name, bytes)?;
    }
    let mut buffered = archive.into_inner()?;
    buffered.flush()?;
    let staged = buffered.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    staged.persist(path).with_context(|| format!("write {}", path.display()))?;
    Ok(())
}

fn blob(blobs: &mut BTreeMap<String, Vec<u8>>, kind: MediaType, bytes: Vec<u8>) -> Result<Descriptor> {
    let digest = hex::encode(Sha256::digest(&bytes));
    let descriptor = descriptor(kind, &digest, &bytes)?;
    blobs.insert(digest, bytes);
    Ok(descriptor)
}

fn descriptor(kind: MediaType, digest: &str, bytes: &[u8]) -> Result<Descriptor> {
    let digest = Sha256Digest::from_str(digest)?;
    Ok(Descriptor::new(kind, bytes.len() as u64, digest))
}

/// JSON with the keys of every object in order: labels and annotations come in maps without one.
pub(super) fn canonical(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut value = serde_json::to_value(value)?;
    value.sort_all_objects();
    Ok(serde_json::to_vec(&value)?)
}
