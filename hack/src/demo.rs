//! `make demo`: one whole turn of the loop on this machine, as a client sees it.
//!
//! The demo is a client and nothing more: it starts `genesis local`, applies a GenesisModel, sends programming tasks
//! through the public API and watches. What trains, judges and promotes is the operator.

mod cluster;
pub(crate) mod measure;
mod outcome;
mod patience;
pub(crate) mod show;
mod stack;
pub(crate) mod suites;
mod traffic;

pub use outcome::Outcome;

pub(crate) use self::cluster::{Cluster, MODEL};
pub(crate) use self::show::{RolledOut, Stage};
use self::stack::Stack;
use self::suites::Suites;
pub(crate) use self::traffic::Traffic;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Draws the tasks and all sampling.
    pub seed: u64,
    /// A folder of its own for data; made new.
    pub data: PathBuf,
    /// A real API server instead of the minicluster.
    pub kubeconfig: Option<PathBuf>,
    /// Leave everything running at the end.
    pub keep: bool,
    /// Train and measure the control as well.
    pub control: bool,
    /// Families of loop tasks, six tasks each.
    pub loop_families: usize,
    /// Families of sealed tasks, five tasks each.
    pub sealed_families: usize,
}

impl Options {
    /// The fewest tasks that a stack can be started with, for checks that need no measurement.
    pub fn tiny(data: PathBuf) -> Self {
        let (loop_families, sealed_families) = (4, 4);
        Self { seed: 7, data, kubeconfig: None, keep: false, control: false, loop_families, sealed_families }
    }
}

/// Starts a stack whose loop is held: what happens there is asked for by hand. With the tasks that a client may send.
pub(crate) async fn start_held(options: &Options) -> Result<(Stack, Cluster, Suites)> {
    let stage = Stage::begin("start", "tasks, control plane and model");
    let suites = suites::make(options)?;
    let stack = Stack::start(options).await?;
    let cluster = Cluster::connect(&stack.kubeconfig).await?;
    cluster.apply_model(options).await?;
    cluster.suspend().await?;
    cluster.wait_ready().await?;
    stage.end("ready, the loop is suspended");
    Ok((stack, cluster, suites))
}

/// Runs the demo to its end.
pub async fn run(options: &Options) -> Result<Outcome> {
    run_telling(options, &AtomicBool::new(false)).await
}

/// Runs the demo to its end and sets `promoted` before the last measurements, which are made without second tries:
/// whoever disturbs the stack has to stop then.
pub async fn run_telling(options: &Options, promoted: &AtomicBool) -> Result<Outcome> {
    let clock = Instant::now();
    let stage = Stage::begin("tasks", "generating tasks and proving their hidden tests");
    let suites = suites::make(options)?;
    stage.end(&format!(
        "{} loop, {} dev and {} sealed tasks; {} of {} mutants killed",
        suites.loop_tasks.len(),
        suites.dev,
        suites.sealed,
        suites.killed,
        suites.mutants
    ));

    let stage = Stage::begin("start", "starting control plane, operator, gateway, inference and sandbox");
    let stack = Stack::start(options).await?;
    let cluster = Cluster::connect(&stack.kubeconfig).await?;
    cluster.apply_model(options).await?;
    cluster.wait_ready().await?;
    stage.end(&format!("GenesisModel {} is Ready; API at {}", cluster::MODEL, stack.api));

    let traffic = Traffic::new(&stack.api, &suites.loop_tasks, options.seed)?;
    let learned = show::learning(&cluster, &traffic).await?;

    let run = cluster.wait_training_run().await?;
    let trained = show::training(&cluster, &run).await?;
    let evaluation = show::evaluation(&cluster).await?;
    let rollout = show::rollout(&cluster, &traffic).await?;
    ensure!(
        rollout.completion == "Promoted",
        "the turn ended without a promotion: evaluation {} ({}), rollout {} ({})",
        evaluation.verdict,
        evaluation.message,
        rollout.completion,
        rollout.message
    );

    promoted.store(true, Ordering::SeqCst);
    // What was disturbed last has to be back.
    cluster.wait_ready().await?;

    let stage = Stage::begin("again", "asking base and promoted model the sealed tasks again, with a new seed");
    let promoted = measure::compare(&cluster, options, None, Some(&rollout.served_name)).await?;
    stage.end(&promoted.line());
    let served_digest = cluster.served_digest(&rollout.served_name).await.context("read the served digest")?;

    let control = if options.control { Some(show::control(&cluster, options, &run).await?) } else { None };
    let statistics = traffic.statistics().await?;
    let outcome =
        Outcome::new(options, &learned, &trained, &evaluation, &rollout, &promoted, control.as_ref(), &served_digest)
            .with_statistics(&statistics, traffic.answered.load(Ordering::Relaxed))
            .after(clock.elapsed());
    outcome.print();
    if options.keep {
        stack.leave_running();
    } else {
        stack.stop()?;
    }
    Ok(outcome)
}
