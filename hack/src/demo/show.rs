//! What a person sees while the loop turns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use genesis_api::{Evaluation, Rollout, TrainingRun};
use genesis_core::Digest;
use indicatif::{ProgressBar, ProgressStyle};
use kube::ResourceExt;
use kube::api::ListParams;

use super::Options;
use super::cluster::{Cluster, MODEL};
use super::measure::{self, Comparison};
use super::traffic::Traffic;

/// Nothing in the demo may wait longer than this for one stage.
const STAGE_LIMIT: Duration = Duration::from_mins(15);
const POLL: Duration = Duration::from_millis(250);

/// One stage with its line at the end.
pub(crate) struct Stage {
    name: &'static str,
    clock: Instant,
    bar: ProgressBar,
}

impl Stage {
    pub(crate) fn begin(name: &'static str, what: &str) -> Self {
        Self::with_length(name, what, None)
    }

    fn with_length(name: &'static str, what: &str, length: Option<u64>) -> Self {
        let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let style = match length {
            Some(_) => "  {prefix:<9} [{bar:30}] {pos}/{len} {msg}",
            None => "  {prefix:<9} {spinner} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name);
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { name, clock: Instant::now(), bar }
    }

    pub(crate) fn end(self, line: &str) {
        self.bar.finish_and_clear();
        println!("✔ {:<9} {line}  ({:.0} s)", self.name, self.clock.elapsed().as_secs_f64());
    }

    fn check(&self) -> Result<()> {
        if self.clock.elapsed() > STAGE_LIMIT {
            bail!("stage {} has lasted {} s: given up", self.name, STAGE_LIMIT.as_secs());
        }
        Ok(())
    }
}

/// What the client's work taught the loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learned {
    pub answered: usize,
    pub verified: usize,
}

/// Sends every task and shows learnings as they are counted, until the loop has started a training.
pub(crate) async fn learning(cluster: &Cluster, traffic: &Traffic) -> Result<Learned> {
    let stage = Stage::with_length("generate", "tasks answered", Some(traffic.len() as u64));
    let sending = tokio::spawn({
        let (traffic, cluster) = (traffic.clone(), cluster.clone());
        async move {
            // A second round where the first did not teach enough to start a training.
            for round in 0..2 {
                traffic.send_round(round).await;
                if training_began(&cluster).await {
                    break;
                }
            }
        }
    });
    while !sending.is_finished() {
        stage.check()?;
        stage.bar.set_position(traffic.answered.load(Ordering::Relaxed) as u64);
        if let Ok(status) = traffic.status().await {
            stage.bar.set_message(format!("tasks answered, {} learnings", learnings(&status)));
        }
        tokio::time::sleep(POLL).await;
    }
    sending.await?;
    let learned = Learned {
        answered: traffic.answered.load(Ordering::Relaxed),
        verified: traffic.verified.load(Ordering::Relaxed),
    };
    let total = traffic.status().await.map_or(0, |status| learnings(&status));
    stage
        .end(&format!("{} tasks answered, {} of them verified; {total} learnings", learned.answered, learned.verified));

    let stage = Stage::begin("trigger", "waiting for the loop to start a training");
    loop {
        stage.check()?;
        let runs = cluster.runs().list(&ListParams::default()).await?;
        if let Some(run) = runs.items.first() {
            let why = run.spec.trigger.clone().unwrap_or_default();
            stage.end(&format!("TrainingRun {} created by the loop: {why}", run.name_any()));
            return Ok(learned);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The operator looks at a model every few seconds.
async fn training_began(cluster: &Cluster) -> bool {
    for _ in 0..40 {
        if cluster.runs().list(&ListParams::default()).await.is_ok_and(|runs| !runs.items.is_empty()) {
            return true;
        }
        tokio::time::sleep(POLL).await;
    }
    false
}

fn learnings(status: &serde_json::Value) -> u64 {
    status["learnings_count"].as_u64().unwrap_or(0)
}

/// A finished training.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    pub digest: Digest,
    pub rows: i64,
    pub first_loss: f64,
    pub last_loss: f64,
    pub resumed: bool,
    pub seconds: f64,
}

/// Shows a training until its end.
pub(crate) async fn training(cluster: &Cluster, run: &str) -> Result<Trained> {
    let stage = Stage::with_length("train", "steps", Some(1));
    loop {
        stage.check()?;
        let object = cluster.runs().get(run).await?;
        let status = object.status.clone().unwrap_or_default();
        if let Some(progress) = &status.trainer_status {
            stage.bar.set_length(progress.total_steps.max(1) as u64);
            stage.bar.set_position(progress.current_step as u64);
            let loss = metric(&object, "loss").map_or_else(String::new, |loss| format!(", loss {loss:.3}"));
            stage.bar.set_message(format!("steps{loss}"));
        }
        if status.phase.is_finished() {
            let Some(adapter) = status.adapter else {
                bail!("TrainingRun {run} failed: {}", status.message);
            };
            let trained = Trained {
                digest: adapter.adapter.digest,
                rows: status.dataset.and_then(|dataset| dataset.rows).unwrap_or(0),
                first_loss: metric(&object, "first_loss").unwrap_or(f64::NAN),
                last_loss: metric(&object, "last_loss").unwrap_or(f64::NAN),
                resumed: status.resumed_from_step.unwrap_or(0) > 0,
                seconds: stage.clock.elapsed().as_secs_f64(),
            };
            stage.end(&format!(
                "{run}: {} rows, loss {:.3} → {:.3}, adapter {}",
                trained.rows,
                trained.first_loss,
                trained.last_loss,
                trained.digest.short()
            ));
            return Ok(trained);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn metric(run: &TrainingRun, name: &str) -> Option<f64> {
    let progress = run.status.as_ref()?.trainer_status.as_ref()?;
    progress.metrics.iter().find(|metric| metric.name == name)?.value.value()
}

/// A finished evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Evaluated {
    pub verdict: String,
    pub message: String,
    pub tasks: i64,
    pub executions: i64,
}

/// Shows the loop's evaluation until its verdict.
pub(crate) async fn evaluation(cluster: &Cluster) -> Result<Evaluated> {
    let stage = Stage::with_length("evaluate", "answers drawn", Some(1));
    loop {
        stage.check()?;
        let found: Vec<Evaluation> = cluster.evaluations().list(&ListParams::default()).await?.items;
        if let Some(status) = found.first().and_then(|evaluation| evaluation.status.clone()) {
            if let Some(progress) = &status.progress {
                stage.bar.set_length(progress.total_steps.max(1) as u64);
                stage.bar.set_position(progress.current_step as u64);
            }
            if status.phase.is_finished() {
                let verdict = status.verdict.map_or_else(|| "none".to_owned(), |verdict| verdict.to_string());
                stage.end(&format!("verdict {verdict}: {}", status.message));
                return Ok(Evaluated {
                    verdict,
                    message: status.message,
                    tasks: status.results.first().map_or(0, |result| result.tasks),
                    executions: status.run_summary.map_or(0, |summary| summary.executions),
                });
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A finished rollout.
#[derive(Clone, Debug)]
pub(crate) struct RolledOut {
    pub completion: String,
    pub message: String,
    pub served_name: String,
    pub proved_digest: Option<Digest>,
    pub dropped: usize,
}

/// Keeps live traffic going and shows the canary's steps until the rollout has ended.
pub(crate) async fn rollout(cluster: &Cluster, traffic: &Traffic) -> Result<RolledOut> {
    let stage = Stage::begin("rollout", "waiting for the canary");
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let live = tokio::spawn({
        let (traffic, stop) = (traffic.clone(), stop.clone());
        async move { traffic.send_until(&stop).await }
    });
    let ended = follow(cluster, &stage).await;
    stop.store(true, Ordering::Relaxed);
    live.await?;
    let status = ended?.status.unwrap_or_default();
    let rolled = RolledOut {
        completion: status.completion_status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
        message: status.message,
        served_name: status.candidate_name.context("the rollout names its candidate")?,
        proved_digest: status.served_digest,
        dropped: traffic.dropped.load(Ordering::Relaxed),
    };
    if rolled.completion == "Promoted" {
        wait_current(cluster, &rolled.served_name).await?;
    }
    stage.end(&format!("{}: {}; {} requests dropped", rolled.completion, rolled.message, rolled.dropped));
    Ok(rolled)
}

async fn follow(cluster: &Cluster, stage: &Stage) -> Result<Rollout> {
    let mut shown = String::new();
    loop {
        stage.check()?;
        let found = cluster.rollouts().list(&ListParams::default()).await?;
        let Some(rollout) = found.items.into_iter().next() else {
            tokio::time::sleep(POLL).await;
            continue;
        };
        let status = rollout.status.clone().unwrap_or_default();
        let line = format!("canary at {} %: {}", status.weights.canary, status.message);
        if line != shown {
            stage.bar.set_message(line.clone());
            shown = line;
        }
        if rollout.is_finished() {
            return Ok(rollout);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The model's own status follows its rollout's.
async fn wait_current(cluster: &Cluster, served_name: &str) -> Result<()> {
    for _ in 0..120 {
        if cluster.model().await?.champion_name() == served_name {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("GenesisModel {MODEL} does not name {served_name} as its current adapter 30 s after the rollout")
}

/// Trains the control by hand and measures it against the base.
pub(crate) async fn control(cluster: &Cluster, options: &Options, like: &str) -> Result<Comparison> {
    println!("  The control: as many rows of the same answers, not filtered by execution.");
    let run = cluster.create_control(like).await?;
    training(cluster, &run).await?;
    let object = cluster.runs().get(&run).await?;
    let adapter = object.status.and_then(|status| status.adapter).context("the control has an adapter")?.adapter;
    let served = adapter.served_name(MODEL);
    let stage = Stage::begin("control", "asking base and control the sealed tasks");
    for server in cluster.inference().await? {
        server.load_adapter(&served, &adapter.uri, &adapter.digest).await?;
    }
    let compared = measure::compare(cluster, options, None, Some(&served)).await?;
    stage.end(&compared.line());
    Ok(compared)
}
