//! The command line of the server.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::adapters::AdapterLimits;
use super::bench::BenchOptions;
use super::scheduler::Limits;

/// Serves a base model and its adapters with OpenAI's API, or measures how fast it is.
#[derive(Debug, Parser)]
#[command(name = "genesis-inference", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub serve: ServeOptions,
}

/// What else the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure generated tokens per second at several batch sizes.
    Bench(BenchOptions),
}

/// The base model and how it is computed.
#[derive(Clone, Debug, Args)]
pub struct ModelOptions {
    /// Base model: builtin://seedling, or file:///directory in Hugging Face's layout.
    #[arg(long, default_value = "builtin://seedling")]
    pub model: String,
    /// Tokens of prompt and answer together; never more than the model was made for.
    #[arg(long, default_value_t = 512)]
    pub max_model_len: usize,
    /// Sequences generated at once.
    #[arg(long, default_value_t = 256)]
    pub max_batch: usize,
    /// Prompt tokens computed in one step beside the answers.
    #[arg(long, default_value_t = 512)]
    pub max_prompt_tokens_per_step: usize,
    /// Requests that may wait; further ones are answered with 429.
    #[arg(long, default_value_t = 1024)]
    pub max_queue: usize,
    /// Threads that compute, for --runner kernel [default: 2].
    #[arg(long, value_parser = positive)]
    pub threads: Option<usize>,
    /// What computes: this program's own CPU code, or burn on the backend this program was built for.
    #[arg(long, value_enum, default_value_t = RunnerKind::DEFAULT)]
    pub runner: RunnerKind,
}

/// Which [`ModelRunner`](super::runner::ModelRunner) computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunnerKind {
    /// [`KernelRunner`](super::kernel::KernelRunner): 32-bit floats on the CPU.
    Kernel,
    /// [`TensorRunner`](super::tensor_runner::TensorRunner): burn.
    Burn,
}

impl RunnerKind {
    /// The faster one for the backend this program was built for.
    pub const DEFAULT: Self = if cfg!(feature = "cuda") { Self::Burn } else { Self::Kernel };
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
    /// The base model.
    #[command(flatten)]
    pub model: ModelOptions,
    /// Name of the base model in requests.
    #[arg(long, default_value = "seedling")]
    pub served_model_name: String,
    /// Address to listen on.
    #[arg(long, env = "POD_IP", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port of the public API.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port on which adapters are loaded: for the operator only.
    #[arg(long, default_value_t = 8081)]
    pub admin_port: u16,
    /// Adapters loaded at once.
    #[arg(long, default_value_t = 8)]
    pub max_loras: usize,
    /// Largest rank of an adapter.
    #[arg(long, default_value_t = 64)]
    pub max_lora_rank: usize,
}

impl ModelOptions {
    /// Limits of one step.
    pub fn limits(&self) -> Limits {
        Limits { sequences: self.max_batch.max(1), prompt_tokens: self.max_prompt_tokens_per_step.max(1) }
    }
}

impl ServeOptions {
    /// Limits of the adapters.
    pub fn adapter_limits(&self) -> AdapterLimits {
        AdapterLimits { count: self.max_loras, rank: self.max_lora_rank }
    }
}

/// A number that may not be zero.
pub(super) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Folders in which `builtin://` models are looked up: `$GENESIS_MODELS`, or `models` beside the program and in the
/// crate it was built from.
pub fn models_folders() -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("GENESIS_MODELS") {
        return vec![folder.into()];
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("models")));
    beside.into_iter().chain([PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_serve_the_shipped_model() {
        let cli = Cli::parse_from(["genesis-inference"]);
        let serve = cli.serve;
        assert_eq!(serve.model.model, "builtin://seedling");
        assert_eq!((serve.port, serve.admin_port), (8080, 8081));
    }

    #[test]
    fn the_operators_command_line_is_read() {
        let line = "genesis-inference --model file:///m --served-model-name s --host 127.1.2.3 --port 8080 \
                    --admin-port 8081 --max-loras 8 --max-lora-rank 64 --max-batch 256 --max-model-len 512";
        let cli = Cli::parse_from(line.split_whitespace());
        let serve = cli.serve;
        assert_eq!(serve.adapter_limits(), AdapterLimits { count: 8, rank: 64 });
        assert_eq!(serve.model.limits().sequences, 256);
    }

    #[test]
    fn a_bench_of_nothing_is_refused() {
        for option in ["--batch", "--prompt-tokens", "--answer-tokens", "--samples", "--repetitions", "--threads"] {
            let error = Cli::try_parse_from(["genesis-inference", "bench", option, "0"]).unwrap_err().to_string();
            assert!(error.contains("at least 1"), "{option}: {error}");
        }
        assert!(Cli::try_parse_from(["genesis-inference", "bench", "--batch", "1,0"]).is_err());
    }

    #[test]
    fn bench_is_a_subcommand_with_the_same_model_options() {
        let cli = Cli::parse_from(["genesis-inference", "bench", "--model", "file:///m", "-o", "json"]);
        assert!(matches!(cli.command, Some(Command::Bench(options)) if options.model.model == "file:///m"));
    }
}
