//! Before and after: the same sealed tasks, asked of two models with the same seeds.

use anyhow::{Context, Result};
use genesis_artifacts::Store;
use genesis_core::promotion::{EvaluationSummary, SuiteSummary};
use genesis_core::statistics::{ClusteredDifference, clustered_difference};
use genesis_evaluator::pair::TaskResult;
use genesis_evaluator::{EvaluationJob, Sampling, SandboxPool, SuiteSource};
use indicatif::ProgressBar;

use super::Options;
use super::cluster::{Cluster, MODEL};

/// A paired measurement.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// The numbers.
    pub summary: SuiteSummary,
    /// Gain in pass@1 with a one-sided 95 % bound on each side.
    pub gain: ClusteredDifference,
}

impl Comparison {
    pub(crate) fn line(&self) -> String {
        format!(
            "pass@1 {:.3} → {:.3} ({:+.1} points, at least {:+.1}), pass@8 {:.3} → {:.3}",
            self.summary.baseline_pass1,
            self.summary.candidate_pass1,
            100.0 * self.gain.estimate,
            100.0 * self.gain.lower,
            self.summary.baseline_pass8,
            self.summary.candidate_pass8
        )
    }
}

/// Asks both models every sealed task eight times. `None` is the base model.
pub(crate) async fn compare(
    cluster: &Cluster,
    options: &Options,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Comparison> {
    let (finished, _) = evaluate(cluster, options, [before, after], 8).await?;
    let summary = finished.suites.into_iter().next().context("one suite was measured")?;
    let gain = clustered_difference(&summary.pass1_by_family, 0.95, options.seed);
    Ok(Comparison { summary, gain })
}

/// Executed samples of the base on every sealed task, as the champion's side of each result.
pub(crate) async fn results(cluster: &Cluster, options: &Options, samples: u32) -> Result<Vec<TaskResult>> {
    let (_, tables) = evaluate(cluster, options, [None, None], samples).await?;
    tables.into_iter().next().map(|(_, results)| results).context("one suite was measured")
}

async fn evaluate(
    cluster: &Cluster,
    options: &Options,
    [before, after]: [Option<&str>; 2],
    samples: u32,
) -> Result<(EvaluationSummary, Vec<(String, Vec<TaskResult>)>)> {
    let name = |served: Option<&str>| served.unwrap_or(MODEL).to_owned();
    let job = EvaluationJob {
        store: Store::at(&options.data.join("store"))?,
        suites: vec![SuiteSource { name: "sealed".into(), uri: "store://suites/sealed".into(), digest: None }],
        champion: name(before),
        candidate: name(after),
        // Not the seed that the promotion was decided with: that one may have been lucky.
        sampling: Sampling { samples, temperature: 0.8, max_tokens: 100, seed: options.seed + 1_000 },
        inference: cluster.inference().await?,
        sandbox: SandboxPool::new(&cluster.sandboxes().await?)?,
    };
    let bar = ProgressBar::new_spinner().with_message("sampling and executing");
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let finished = genesis_evaluator::run(&job, None).await;
    bar.finish_and_clear();
    let finished = finished?;
    Ok((finished.summary, finished.tables))
}
