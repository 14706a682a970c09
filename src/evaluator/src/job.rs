use std::sync::atomic::{AtomicU64, Ordering};

use genesis_artifacts::{Kind, Store};
use genesis_client::{InferenceClient, JobReporter};
use genesis_core::promotion::EvaluationSummary;
use genesis_core::wire::{ArtifactRef, JobEvent};
use serde::Serialize;

use crate::pair::{self, TaskResult};
use crate::{Arm, Error, Sampling, SandboxPool, SuiteSource, execute, sample, suites};

/// Everything an evaluation needs.
#[derive(Debug)]
pub struct EvaluationJob {
    /// Where suites are read and the report is kept.
    pub store: Store,
    /// The suites; the first one decides.
    pub suites: Vec<SuiteSource>,
    /// Served name of the champion.
    pub champion: String,
    /// Served name of the candidate.
    pub candidate: String,
    /// How answers are drawn.
    pub sampling: Sampling,
    /// Inference servers that have both loaded.
    pub inference: Vec<InferenceClient>,
    /// Sandbox pool servers.
    pub sandbox: SandboxPool,
}

/// The result.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The full paired table in the store.
    pub report: ArtifactRef,
    /// The numbers a verdict is decided from.
    pub summary: EvaluationSummary,
    /// The paired table of each suite, as the report holds it.
    pub tables: Vec<(String, Vec<TaskResult>)>,
}

#[derive(Serialize)]
struct Report<'a> {
    champion: &'a str,
    candidate: &'a str,
    summary: &'a EvaluationSummary,
    tasks: &'a [(String, Vec<TaskResult>)],
}

/// Runs an evaluation from suites to report. With a reporter, the operator hears of its progress and, until it has
/// accepted it, of its result.
pub async fn run(job: &EvaluationJob, reporter: Option<&JobReporter>) -> Result<Finished, Error> {
    let loaded = job.suites.iter().map(|source| suites::load(&job.store, source)).collect::<Result<Vec<_>, _>>()?;
    let total: u64 = loaded.iter().map(|(suite, _)| 2 * suite.tasks.len() as u64).sum();
    let line = Progress { reporter, total, done: AtomicU64::new(0) };
    line.tell(JobEvent::Started { total_steps: total, resumed_from: 0 });

    let mut summary = EvaluationSummary { seed: job.sampling.seed, ..EvaluationSummary::default() };
    let mut tables = Vec::new();
    let names = [(Arm::Champion, job.champion.as_str()), (Arm::Candidate, job.candidate.as_str())];
    for (source, (suite, _)) in job.suites.iter().zip(&loaded) {
        let answers = sample::draw(&job.inference, names, &suite.tasks, &job.sampling, &|_| line.step()).await?;
        let (results, executions) = execute::judge_answers(&job.sandbox, &suite.tasks, &answers).await?;
        let (core, broken) = pair::core(&results);
        summary.suites.push(pair::summarise(&source.name, &results));
        summary.executions += executions;
        summary.core_tasks += core;
        summary.core_broken.extend(broken);
        tables.push((source.name.clone(), results));
    }

    let report = Report { champion: &job.champion, candidate: &job.candidate, summary: &summary, tasks: &tables };
    let bytes = serde_json::to_vec_pretty(&report)
        .map_err(|error| Error::SuiteFormat { name: "report".into(), message: error.to_string() })?;
    let report = job.store.put(Kind::Report, &bytes)?;
    if let Some(reporter) = reporter {
        let event = JobEvent::Evaluated { report: report.clone(), summary: Box::new(summary.clone()) };
        reporter.tell_until_accepted(&event).await.map_err(Error::Untold)?;
    }
    Ok(Finished { report, summary, tables })
}

/// Tells progress without ever holding up the work.
struct Progress<'a> {
    reporter: Option<&'a JobReporter>,
    total: u64,
    done: AtomicU64,
}

impl Progress<'_> {
    fn step(&self) {
        let step = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // About fifty events in all: a person watches, nobody counts.
        if step.is_multiple_of((self.total / 50).max(1)) || step == self.total {
            self.tell(JobEvent::Progress {
                step,
                total_steps: self.total,
                loss: None,
                learning_rate: None,
                tokens_per_second: None,
                eta_seconds: None,
            });
        }
    }

    fn tell(&self, event: JobEvent) {
        if let Some(reporter) = self.reporter.cloned() {
            tokio::spawn(async move {
                if let Err(error) = reporter.tell(&event).await {
                    tracing::debug!(%error, "Progress was not taken.");
                }
            });
        }
    }
}
