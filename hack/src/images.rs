//! `cargo dev images`: the container images, written without a container engine from what this workspace built.
//!
//! Each image is one OCI archive, `NAME.tar`, that `ctr -n k8s.io images import`, `podman load` and `skopeo` read. The
//! same inputs give the same bytes. The Dockerfiles in `images` make the same images where there is an engine.

pub mod archive;
pub mod catalog;
pub mod dockerfiles;
pub mod layer;
pub mod program;
pub mod python;
pub mod tree;
pub mod unpack;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use oci_spec::image::{
    ANNOTATION_DESCRIPTION, ANNOTATION_LICENSES, ANNOTATION_TITLE, ANNOTATION_VERSION, Config, ConfigBuilder,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{paths, report};
use archive::Image;
use catalog::{MODELS, PROGRAMS, Part, RECIPES, Recipe, USER, VERSION};
use layer::Layer;
use tree::{Content, Node, Tree};

/// Raised where the same inputs give another image than before.
const FORMAT: u32 = 1;
/// One image that lies ready.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Its name.
    pub image: String,
    /// The reference by which pods ask for it.
    pub reference: String,
    /// Its archive.
    pub archive: PathBuf,
    /// Size of that.
    pub bytes: u64,
    /// Digest of its manifest.
    pub digest: String,
    /// Nothing had changed since the archive was written.
    pub kept: bool,
    /// How long it took.
    pub seconds: f64,
}

/// The folder of archives where none is named.
pub fn folder() -> PathBuf {
    paths::root().join("target/images")
}

/// Writes the images called `only`, or all of them, prints a table and writes the report.
pub fn run(out: &Path, only: &[String]) -> Result<Vec<Written>> {
    let written = write(out, only)?;
    let mut table = report::table(&["image", "reference", "size", "digest", "seconds"]);
    for image in &written {
        let size = format!("{:.1} MB", image.bytes as f64 / 1e6);
        let seconds = format!("{:.1}{}", image.seconds, if image.kept { " (kept)" } else { "" });
        table.add_row([image.image.clone(), image.reference.clone(), size, image.digest.clone(), seconds]);
    }
    println!("{table}\narchives: {}", out.display());
    println!("report: {}", report::write("images", &written)?.display());
    Ok(written)
}

/// Writes the images called `only`, or all of them, to the folder `out`. Archives whose inputs have not changed are
/// left as they are.
pub fn write(out: &Path, only: &[String]) -> Result<Vec<Written>> {
    let known = RECIPES.map(|recipe| recipe.name);
    if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no image is called {unknown}: there are {}", known.join(", "));
    }
    fs::create_dir_all(out).with_context(|| format!("create {}", out.display()))?;
    let wanted = |recipe: &&Recipe| only.is_empty() || only.iter().any(|name| name == recipe.name);
    RECIPES.iter().filter(wanted).map(|recipe| one(recipe, out)).collect()
}

fn one(recipe: &Recipe, out: &Path) -> Result<Written> {
    let start = Instant::now();
    let layers = layers(recipe, out)?;
    let (config, epoch) = (config(recipe)?, epoch()?);
    let inputs = inputs(&layers, &config, epoch)?;
    let path = out.join(format!("{}.tar", recipe.name));
    let reference = recipe.full_reference();
    let found = archive::look(&path).filter(|found| (&found.inputs, &found.reference) == (&inputs, &reference));
    let kept = found.is_some();
    let digest = if let Some(found) = found {
        found.digest
    } else {
        let layers = layers.iter().map(|layer| layer.pack(epoch)).collect::<Result<Vec<_>>>()?;
        Image { reference, config, layers, inputs, epoch }.write(&path)?
    };
    let bytes = fs::metadata(&path).with_context(|| format!("read {}", path.display()))?.len();
    let (image, reference) = (recipe.name.to_owned(), recipe.reference());
    Ok(Written { image, reference, archive: path, bytes, digest, kept, seconds: start.elapsed().as_secs_f64() })
}

/// The layers of an image. What changes with every build is on top.
fn layers(recipe: &Recipe, cache: &Path) -> Result<Vec<Layer>> {
    let mut base = Tree::default();
    base.folder(Path::new("/"), &paths::root().join("images/root"), |_| false)?;
    if recipe.has(Part::Scratch) {
        base.put("/tmp", Node::Directory(0o1777));
    }
    let mut layers = vec![Layer { title: "users", tree: base }];
    if recipe.has(Part::Python) {
        let mut tree = python::tree(Path::new(python::INTERPRETER), cache)?;
        // The supervisor builds the roots of its cells there.
        tree.put("/srv", Node::Directory(0o755));
        layers.push(Layer { title: "Python", tree });
    }
    if recipe.has(Part::Models) {
        let mut tree = Tree::default();
        tree.folder(Path::new(MODELS), &paths::root().join("src/model/models"), |name| name.starts_with('.'))?;
        layers.push(Layer { title: "built-in models", tree });
    }
    let mut tree = Tree::default();
    for name in recipe.programs {
        tree.put(Path::new(PROGRAMS).join(name), Node::File(0o755, Content::Program(program::built(name)?)));
    }
    layers.push(Layer { title: "programs", tree });
    Ok(layers)
}

fn config(recipe: &Recipe) -> Result<Config> {
    let mut env = vec![format!("PATH={PROGRAMS}:/usr/bin:/bin")];
    if recipe.has(Part::Models) {
        env.push(format!("GENESIS_MODELS={MODELS}"));
    }
    let labels = [
        (ANNOTATION_TITLE, recipe.name),
        (ANNOTATION_DESCRIPTION, recipe.description),
        (ANNOTATION_VERSION, VERSION),
        (ANNOTATION_LICENSES, env!("CARGO_PKG_LICENSE")),
    ];
    Ok(ConfigBuilder::default()
        .user(format!("{USER}:{USER}"))
        .env(env)
        .entrypoint(vec![recipe.entrypoint()])
        .working_dir("/")
        .labels(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect::<HashMap<_, _>>())
        .build()?)
}

/// The time of everything in an image: `$SOURCE_DATE_EPOCH`, or the beginning of 1970.
fn epoch() -> Result<u64> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().with_context(|| format!("SOURCE_DATE_EPOCH is no number of seconds: {text}")),
        Err(_) => Ok(0),
    }
}

fn inputs(layers: &[Layer], config: &Config, epoch: u64) -> Result<String> {
    let mut hash = Sha256::new_with_prefix(format!("{FORMAT} {epoch}"));
    hash.update(archive::canonical(config)?);
    for layer in layers {
        hash.update(layer.title);
        layer.tree.inputs(&mut hash)?;
    }
    Ok(format!("sha256:{}", hex::encode(hash.finalize())))
}
