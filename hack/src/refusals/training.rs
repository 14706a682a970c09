//! Trainings from damaged input: a dataset, a base model, a checkpoint.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use genesis_api::training_run::TrainingRunStatus;
use genesis_api::{AdapterReference, TrainingRun};
use genesis_artifacts::{Kind, Store, path_of_uri, uri_of_path};
use genesis_core::wire::{ArtifactRef, DatasetRow};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::Refusal;
use crate::demo::{Cluster, MODEL, Options};
use crate::paths;

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_mins(3);

/// The adapter of the run whose checkpoint was damaged, and what was said of each damage.
pub(super) async fn all(cluster: &Cluster, options: &Options) -> Result<(AdapterReference, Vec<Refusal>)> {
    let dataset = Store::at(&options.data.join("store"))?.put(Kind::Dataset, &rows()?)?;
    let broken = Store::at(&options.data.join("store"))?.put(Kind::Dataset, b"{\"question\": 1}\n")?;
    let refusals = vec![
        failed(cluster, "damaged-dataset", &spec(cluster, &broken).await?, "a dataset that is none", &["line 1"])
            .await?,
        failed(
            cluster,
            "damaged-base",
            &with_damaged_base(spec(cluster, &dataset).await?, options)?,
            "a base model with half its weights",
            &["BaseModelInvalid", "model.safetensors"],
        )
        .await?,
    ];
    let (adapter, checkpoint) = damaged_checkpoint(cluster, &spec(cluster, &dataset).await?).await?;
    Ok((adapter, refusals.into_iter().chain([checkpoint]).collect()))
}

/// Enough rows for a training that is not over at once.
fn rows() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for i in 0..240 {
        let row = DatasetRow {
            prompt: format!("def solve(x):\n    \"\"\"Add {i}.\"\"\"\n"),
            answer: format!("    return x + {i}\n"),
            task: format!("add-{i}"),
            family: "add".into(),
            execution: format!("by-hand-{i}"),
        };
        serde_json::to_writer(&mut bytes, &row)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

async fn spec(cluster: &Cluster, dataset: &ArtifactRef) -> Result<Value> {
    let model = cluster.model().await?;
    Ok(json!({
        "modelRef": { "name": MODEL },
        "baseModel": model.spec.base_model,
        "storage": model.spec.storage,
        "dataset": { "uri": dataset.uri, "digest": dataset.digest },
        "lora": { "rank": 8, "alpha": 16 },
        "hyperparameters": { "learningRate": "1e-3", "epochs": 4, "batchSize": 4 },
        "checkpoint": { "periodSteps": 5 },
        "backoffLimit": 0,
    }))
}

/// A copy of the base model whose weights were not copied to their end.
fn with_damaged_base(mut spec: Value, options: &Options) -> Result<Value> {
    let (from, to) = (paths::root().join("src/model/models/seedling"), options.data.join("damaged-base"));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(&from)? {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?;
        let mut bytes = fs::read(&path)?;
        if name == "model.safetensors" {
            bytes.truncate(bytes.len() / 2);
        }
        fs::write(to.join(name), bytes)?;
    }
    spec["baseModel"] = json!({ "uri": uri_of_path(&to.canonicalize()?) });
    Ok(spec)
}

/// A run that must fail, and how its status explains it.
async fn failed(cluster: &Cluster, name: &str, spec: &Value, input: &str, words: &[&str]) -> Result<Refusal> {
    create(cluster, name, spec).await?;
    let status = until(cluster, name, "to end", |status| status.phase.is_finished()).await?;
    if status.adapter.is_some() {
        bail!("TrainingRun {name} learned from {input}");
    }
    Ok(Refusal::of(input, status.message, words))
}

/// Holds a run, damages its newest checkpoint, and lets it go on: it says so and goes on from the one before.
async fn damaged_checkpoint(cluster: &Cluster, spec: &Value) -> Result<(AdapterReference, Refusal)> {
    let name = "damaged-checkpoint";
    create(cluster, name, spec).await?;
    let saved = |status: &TrainingRunStatus| status.last_checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.step);
    until(cluster, name, "to save work", |status| saved(status) >= 10).await?;
    hold(cluster, name, true).await?;
    cluster.wait_no_pods(name, PATIENCE).await?;
    let held = until(cluster, name, "to be held", |status| saved(status) >= 10).await?;
    let newest = held.last_checkpoint.context("it has a checkpoint")?;
    damage(&path_of_uri(&newest.uri)?.join("state.safetensors"))?;
    hold(cluster, name, false).await?;
    let status = until(cluster, name, "to end", |status| status.phase.is_finished()).await?;
    let adapter = status.adapter.with_context(|| format!("it went on: {}", status.message))?.adapter;
    let failure = status.last_failure.context("it says which checkpoint it passed over")?;
    let resumed = status.resumed_from_step.unwrap_or(0);
    let answer = format!("{}: {} (resumed from step {resumed})", failure.reason, failure.message);
    let mut refusal = Refusal::of("a damaged checkpoint", answer, &["CheckpointUnusable", &newest.uri]);
    refusal.clear &= resumed > 0 && resumed < newest.step;
    Ok((adapter, refusal))
}

fn damage(file: &Path) -> Result<()> {
    let mut bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let last = bytes.last_mut().context("it is not empty")?;
    *last ^= 1;
    fs::write(file, bytes).with_context(|| format!("write {}", file.display()))
}

async fn create(cluster: &Cluster, name: &str, spec: &Value) -> Result<()> {
    let run = TrainingRun::new(name, serde_json::from_value(spec.clone())?);
    cluster.runs().create(&PostParams::default(), &run).await.with_context(|| format!("create TrainingRun {name}"))?;
    Ok(())
}

async fn hold(cluster: &Cluster, name: &str, held: bool) -> Result<()> {
    let patch = Patch::Merge(json!({ "spec": { "suspend": held } }));
    cluster.runs().patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn until(
    cluster: &Cluster,
    name: &str,
    what: &str,
    reached: impl Fn(&TrainingRunStatus) -> bool,
) -> Result<TrainingRunStatus> {
    let start = Instant::now();
    let mut status = TrainingRunStatus::default();
    while start.elapsed() < PATIENCE {
        status = cluster.runs().get(name).await?.status.unwrap_or_default();
        if reached(&status) {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("TrainingRun {name} was waited for {what} for {} s: {}", PATIENCE.as_secs(), status.message)
}
