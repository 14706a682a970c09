//! `cargo dev bench operator`: the real operator on a real API server with thousands of objects.
//!
//! Nodes and kubelets are simulated by kwok, gateway and inference servers are played over HTTP. Everything else is
//! real: etcd, kube-apiserver with its controllers and scheduler, and `genesis operator` as a process with the rights
//! that the chart gives it. A figure that misses its target is no failure; objects that do not get where they should are.

mod activity;
mod churn;
mod converged;
mod definitions;
mod failover;
mod figures;
mod fill;
mod mix;
mod objects;
mod played;
mod process;
mod scrape;
mod simulated;
mod slope;
mod stage;
mod start;

use std::time::Duration;

use anyhow::{Context, Result};

pub use self::figures::Figures;
use self::mix::Mix;
use self::process::Operator;
use self::stage::Stage;
use crate::{paths, report};

/// How much there is of everything.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Objects of the four kinds together; every tenth is a GenesisModel
    #[arg(long, default_value_t = 10_000)]
    pub objects: usize,
    /// Namespaces over which they are spread
    #[arg(long, default_value_t = 10)]
    pub namespaces: usize,
    /// Minutes for which objects are created, changed and deleted
    #[arg(long, default_value_t = 5)]
    pub churn_minutes: u64,
}

/// Seconds for which the operator is looked at while nothing changes.
const CALM: Duration = Duration::from_secs(60);

/// Measures all of it, and prints and writes what came of it.
pub async fn run(options: &Options) -> Result<Figures> {
    let folder = paths::root().join("target/bench-operator");
    let mix = Mix::new(options.objects, options.namespaces);
    let mut figures = Figures { objects: mix.total(), mix: mix.counts(), ..Figures::default() };
    let stage = Stage::set_up(&folder, &mix).await?;
    figures.fill_seconds = fill::fill(&stage, &mix).await?;

    // The first start makes all workloads; only then is there a state to come back to.
    let operator = Operator::start(&stage, "first", None)?;
    figures.first_start_seconds = start::until_seen(&operator, &mix).await?;
    figures.first_convergence_seconds = converged::wait(&stage, &operator).await?;
    figures.calm(&activity::watch(&operator, CALM).await?);

    drop(operator);
    let operator = Operator::start(&stage, "second", None)?;
    figures.restart_seconds = start::until_seen(&operator, &mix).await?;
    figures.settled(&activity::watch(&operator, CALM).await?, operator.peak_mib()?);

    let churned = churn::run(&stage, &mix, &operator, Duration::from_secs(60 * options.churn_minutes)).await?;
    converged::wait(&stage, &operator).await.context("after the churn")?;
    figures.churned(churned, operator.peak_mib()?);
    operator.healthy().await?;
    drop(operator);

    figures.failover(failover::run(&stage).await?);
    println!("{}", figures.table());
    println!("report: {}", report::write("operator", &figures)?.display());
    Ok(figures)
}
