//! Adapters that the inference server must not load.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use genesis_api::AdapterReference;
use genesis_artifacts::{digest_directory, path_of_uri, uri_of_path};
use genesis_core::Digest;
use serde_json::{Value, json};

use super::Refusal;
use crate::demo::{Cluster, Options};

pub(super) async fn all(cluster: &Cluster, options: &Options, trained: &AdapterReference) -> Result<Vec<Refusal>> {
    let large = copy(options, trained, "large", |_, config| config["r"] = json!(64))?;
    let wrong = copy(options, trained, "wrong", |_, config| config["r"] = json!(4))?;
    let cut = copy(options, trained, "cut", |weights, _| weights.truncate(weights.len() / 2))?;
    let other = Digest::of_bytes(b"another adapter");
    Ok(vec![
        refused(cluster, "an adapter that says it has rank 64", &large, &digest_directory(&large)?, &["[64, 192]"])
            .await?,
        refused(cluster, "an adapter that says it has rank 4", &wrong, &digest_directory(&wrong)?, &["[4, 192]"])
            .await?,
        refused(cluster, "an adapter with half its weights", &cut, &digest_directory(&cut)?, &["safetensors"]).await?,
        refused(cluster, "an adapter with another digest", &path_of_uri(&trained.uri)?, &other, &["digest"]).await?,
    ])
}

/// A copy of a good adapter with something changed.
fn copy(
    options: &Options,
    adapter: &AdapterReference,
    name: &str,
    change: impl Fn(&mut Vec<u8>, &mut Value),
) -> Result<PathBuf> {
    let (from, to) = (path_of_uri(&adapter.uri)?, options.data.join(format!("adapter-{name}")));
    fs::create_dir_all(&to)?;
    let mut weights = fs::read(from.join("adapter_model.safetensors"))?;
    let mut config: Value = serde_json::from_slice(&fs::read(from.join("adapter_config.json"))?)?;
    change(&mut weights, &mut config);
    fs::write(to.join("adapter_model.safetensors"), weights)?;
    fs::write(to.join("adapter_config.json"), config.to_string())?;
    Ok(to.canonicalize()?)
}

async fn refused(
    cluster: &Cluster,
    input: &str,
    directory: &std::path::Path,
    digest: &Digest,
    words: &[&str],
) -> Result<Refusal> {
    let servers = cluster.inference().await?;
    let server = servers.first().context("a serving pod is ready")?;
    match server.load_adapter("refused", &uri_of_path(directory), digest).await {
        Ok(()) => bail!("the inference server loaded {input}"),
        Err(error) => Ok(Refusal::of(input, error.to_string(), words)),
    }
}
