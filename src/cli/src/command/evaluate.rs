use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use genesis_artifacts::Store;
use genesis_client::{InferenceClient, JobReporter, http_client};
use genesis_core::Digest;
use genesis_core::wire::{EXIT_USER_ERROR, JobEvent};
use genesis_evaluator::{Error, EvaluationJob, Sampling, SandboxPool, SuiteSource};

/// Longest wait for the answers to one task: it may stand in a full queue.
const SAMPLING_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest wait for one answer of the operator.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// What to compare, on what, and where the parts are.
#[derive(clap::Args)]
#[command(after_help = "Example:
  genesis evaluate --store file:///data --suite sealed=store://suites/sealed \\
    --champion seedling --candidate seedling-0123456789ab \\
    --inference http://127.0.0.2:8080 --sandbox 127.0.0.3:7070")]
pub struct Arguments {
    /// Artifact store: suites are read from it, the report is kept in it
    #[arg(long)]
    store: String,
    /// NAME=URI or NAME=URI@sha256:…; the first suite decides, the others must not regress
    #[arg(long = "suite", required = true)]
    suites: Vec<SuiteArgument>,
    /// Served name of what serves now
    #[arg(long)]
    champion: String,
    /// Served name of what wants to
    #[arg(long)]
    candidate: String,
    /// Samples for each task
    #[arg(long, default_value_t = 8)]
    samples: u32,
    /// Temperature of the samples
    #[arg(long, default_value_t = 0.8)]
    temperature: f64,
    /// Most tokens of an answer
    #[arg(long, default_value_t = 256)]
    max_tokens: u32,
    /// Seed of the sampling
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Address of an inference server that has both loaded
    #[arg(long = "inference", required = true)]
    inference: Vec<String>,
    /// Address of a sandbox pool
    #[arg(long = "sandbox", required = true)]
    sandboxes: Vec<SocketAddr>,
    /// Where progress and result are told
    #[arg(long, env = "GENESIS_REPORT_URL", requires = "report_token")]
    report_url: Option<String>,
    /// Token for it
    #[arg(long, env = "GENESIS_REPORT_TOKEN", hide_env_values = true)]
    report_token: Option<String>,
}

#[derive(Clone, Debug)]
struct SuiteArgument(SuiteSource);

impl FromStr for SuiteArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = text.split_once('=').ok_or("write NAME=URI")?;
        let (uri, digest) = match rest.rsplit_once("@sha256:") {
            Some((uri, hex)) => {
                (uri, Some(format!("sha256:{hex}").parse::<Digest>().map_err(|error| error.to_string())?))
            }
            None => (rest, None),
        };
        Ok(Self(SuiteSource { name: name.to_owned(), uri: uri.to_owned(), digest }))
    }
}

impl Arguments {
    /// Runs the evaluation; the exit code says whether another attempt can help.
    pub async fn run(self) -> ExitCode {
        let (http, operator) = match (http_client(SAMPLING_TIMEOUT), http_client(REPORT_TIMEOUT)) {
            (Ok(http), Ok(operator)) => (http, operator),
            (Err(error), _) | (_, Err(error)) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        };
        let reporter = match (&self.report_url, &self.report_token) {
            (Some(url), Some(token)) => Some(JobReporter::new(operator, url, token)),
            _ => None,
        };
        match self.evaluate(&http, reporter.as_ref()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                let retriable = error.is_retriable();
                if let Some(reporter) = reporter {
                    let event =
                        JobEvent::Failed { reason: error.reason().to_owned(), message: error.to_string(), retriable };
                    if let Err(untold) = reporter.tell(&event).await {
                        tracing::warn!(error = %untold, "The failure could not be told.");
                    }
                }
                if retriable { ExitCode::FAILURE } else { ExitCode::from(EXIT_USER_ERROR as u8) }
            }
        }
    }

    async fn evaluate(self, http: &reqwest::Client, reporter: Option<&JobReporter>) -> Result<(), Error> {
        let job = EvaluationJob {
            store: Store::open(&self.store)?,
            suites: self.suites.into_iter().map(|suite| suite.0).collect(),
            champion: self.champion,
            candidate: self.candidate,
            sampling: Sampling {
                samples: self.samples,
                temperature: self.temperature,
                max_tokens: self.max_tokens,
                seed: self.seed,
            },
            // Adapters are loaded by the operator; the evaluator only samples.
            inference: self
                .inference
                .iter()
                .map(|address| InferenceClient::new(http.clone(), address, address))
                .collect(),
            sandbox: SandboxPool::new(&self.sandboxes)?,
        };
        let finished = genesis_evaluator::run(&job, reporter).await?;
        println!("{}", serde_json::to_string_pretty(&finished.summary).unwrap_or_default());
        eprintln!("report: {}", finished.report.uri);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_a_name_and_an_address_with_or_without_its_digest() {
        let plain: SuiteArgument = "sealed=store://suites/sealed".parse().unwrap();
        assert_eq!(
            (plain.0.name.as_str(), plain.0.uri.as_str(), plain.0.digest),
            ("sealed", "store://suites/sealed", None)
        );
        let digest = Digest::of_bytes(b"x");
        let pinned: SuiteArgument = format!("dev=file:///a@b@{digest}").parse().unwrap();
        assert_eq!((pinned.0.uri.as_str(), pinned.0.digest), ("file:///a@b", Some(digest)));
        assert!("sealed".parse::<SuiteArgument>().is_err());
        assert!("s=u@sha256:12".parse::<SuiteArgument>().is_err());
    }
}
