//! `genesis-trainer`: trains adapters, and pre-trains the base model that is shipped.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use genesis_core::Digest;
use genesis_core::wire::{EXIT_INTERRUPTED, EXIT_USER_ERROR};
use genesis_model::backend::{self, Compute};
use genesis_model::infer::options::models_folders;
use genesis_model::job::{self, JobError, JobOptions, Outcome};
use genesis_model::pretrain::PretrainRecipe;
use genesis_model::report::Reporter;
use genesis_model::seedling::{self, SeedlingOptions};
use genesis_model::train::LoraRecipe;

/// How long a run that was stopped waits for the operator to hear of its checkpoint: a pod that is stopped has thirty
/// seconds in all.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(15);

/// Trains adapters, and pre-trains the base model that is shipped.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Threads of the CPU backend; more than there are idle cores slow it down.
    #[arg(long, global = true, env = "GENESIS_THREADS", default_value_t = backend::DEFAULT_THREADS)]
    threads: usize,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Trains an adapter on a frozen dataset and reports to the operator; the work of a TrainingRun's Job.
    Lora(LoraArgs),
    /// Pre-trains a small base model on a corpus and writes it in Hugging Face's layout.
    Pretrain(PretrainArgs),
    /// Learns a byte-level BPE from a corpus.
    Tokenizer(TokenizerArgs),
}

#[derive(Args)]
struct LoraArgs {
    /// Base model: builtin://name or file:///directory in Hugging Face's layout.
    #[arg(long, default_value = "builtin://seedling")]
    base: String,
    /// Dataset: file:///… of JSON lines.
    #[arg(long)]
    dataset: String,
    /// Digest of the dataset.
    #[arg(long)]
    dataset_digest: Digest,
    /// Artifact store: file:///directory.
    #[arg(long)]
    store: String,
    /// Rank of the factors.
    #[arg(long, default_value_t = 8)]
    rank: usize,
    /// Scale of their product, times the rank.
    #[arg(long, default_value_t = 16.0)]
    alpha: f64,
    /// Peak learning rate of AdamW.
    #[arg(long, default_value_t = 5e-3)]
    learning_rate: f64,
    /// Passes over the dataset.
    #[arg(long, default_value_t = 3)]
    epochs: usize,
    /// Rows in a batch.
    #[arg(long, default_value_t = 32)]
    batch_size: usize,
    /// Seed of the initial factors and of the order of rows.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Steps between checkpoints.
    #[arg(long, default_value_t = 20)]
    checkpoint_steps: usize,
    /// Name of the GenesisModel, for the log.
    #[arg(long, default_value = "model")]
    model_name: String,
    /// Where the operator hears of this job; without it, standard output is all.
    #[arg(long, env = "GENESIS_REPORT_URL")]
    report_url: Option<String>,
    /// Bearer token of this one job.
    #[arg(long, env = "GENESIS_REPORT_TOKEN", hide_env_values = true, default_value = "")]
    report_token: String,
}

#[derive(Args)]
struct PretrainArgs {
    /// Corpus: JSON lines of {context?, prompt, answer}.
    #[arg(long)]
    corpus: PathBuf,
    /// Directory of the model; a tokenizer.json in it is used, otherwise one is learned.
    #[arg(long)]
    out: PathBuf,
    /// Steps.
    #[arg(long, default_value_t = PretrainRecipe::default().steps)]
    steps: usize,
    /// Seed of the weights and of the order of documents.
    #[arg(long, default_value_t = PretrainRecipe::default().seed)]
    seed: u64,
    /// Tokens of a tokenizer that is learned.
    #[arg(long, default_value_t = seedling::VOCABULARY)]
    vocab: usize,
}

#[derive(Args)]
struct TokenizerArgs {
    /// Corpus: JSON lines of {context?, prompt, answer}.
    #[arg(long)]
    corpus: PathBuf,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
    /// Tokens.
    #[arg(long, default_value_t = seedling::VOCABULARY)]
    vocab: usize,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help is not an error; a wrong command line is one that trying again cannot mend.
            let code = if error.use_stderr() { EXIT_USER_ERROR as u8 } else { 0 };
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
    };
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    backend::use_threads(cli.threads);
    let result = match cli.command {
        Command::Lora(args) => return ExitCode::from(train(args)),
        Command::Pretrain(args) => {
            let recipe = PretrainRecipe { steps: args.steps, seed: args.seed, ..PretrainRecipe::default() };
            let options = SeedlingOptions { corpus: args.corpus, out: args.out, vocab: args.vocab, recipe };
            seedling::build(&options)
        }
        Command::Tokenizer(args) => seedling::build_tokenizer(&args.corpus, &args.out, args.vocab),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a job and gives its exit code, which tells Kubernetes whether to try again.
fn train(args: LoraArgs) -> u8 {
    let reporter = match Reporter::start(args.report_url.as_deref(), &args.report_token) {
        Ok(reporter) => reporter,
        Err(error) => {
            tracing::error!("the reporter cannot start: {error}");
            return 1;
        }
    };
    let interrupted = match reporter.interruption() {
        Ok(interrupted) => interrupted,
        Err(error) => {
            tracing::error!("signals cannot be heard: {error}");
            return 1;
        }
    };
    let recipe = LoraRecipe {
        rank: args.rank,
        alpha: args.alpha,
        learning_rate: args.learning_rate,
        epochs: args.epochs,
        batch_size: args.batch_size,
        seed: args.seed,
    };
    let options = JobOptions {
        base: args.base,
        models: models_folders(),
        dataset: args.dataset,
        dataset_digest: args.dataset_digest,
        store: args.store,
        recipe,
        checkpoint_steps: args.checkpoint_steps,
    };
    tracing::info!(model = args.model_name, base = options.base, "training begins");
    match job::run::<Compute>(&options, &reporter, &interrupted) {
        Ok(Outcome::Trained) => 0,
        Ok(Outcome::Interrupted) => {
            if !reporter.flush(FLUSH_TIMEOUT) {
                tracing::warn!(
                    "the operator has not heard of the last checkpoint; the run goes on from it all the same"
                );
            }
            EXIT_INTERRUPTED as u8
        }
        Err(error) => {
            tracing::error!("{error}");
            // Where the operator was not reached before, there is no point in waiting for it once more.
            if !matches!(error, JobError::NotAccepted(_))
                && let Err(error) = reporter.tell_and_wait(&error.event())
            {
                tracing::error!("{error}");
            }
            if error.is_users() { EXIT_USER_ERROR as u8 } else { 1 }
        }
    }
}
