//! `genesis-sandbox`: the pool, the proof of its protections, and one program for a person.

mod show;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use genesis_core::execution::{ExecutionRequest, ExecutionVerdict, Limits};
use genesis_core::task::{Language, TestSuite};
use genesis_sandbox::pool::{Options, Pool, StartError};
use genesis_sandbox::proof::{self, Proof};
use genesis_sandbox::surroundings::Surroundings;
use nix::sys::signal::{SigSet, Signal};

/// Runs hostile programs in cells and judges them from outside.
///
/// Where the machine does not grant a protection, nothing runs and the protection is named. There is no
/// option to run with less.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the pool until SIGTERM or SIGINT.
    Serve {
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:7070")]
        listen: SocketAddr,
        /// How many programs run at a time.
        #[arg(long, default_value_t = 2)]
        workers: usize,
        /// Refuse to start under any other kernel.
        #[arg(long, value_name = "KERNEL")]
        require: Option<Surroundings>,
        #[command(flatten)]
        runtime: RuntimeArgs,
    },
    /// Prove every protection on this machine and print a table. Exits with 1 where one is missing.
    Check {
        #[command(flatten)]
        runtime: RuntimeArgs,
        /// How to print.
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Run one program. Exits with 0 on PASS and UNVERIFIED, 1 otherwise.
    Run {
        /// The program.
        file: PathBuf,
        /// Its tests: a file with a TestSuite as JSON.
        #[arg(long)]
        tests: Option<PathBuf>,
        /// Return the value of each call.
        #[arg(long)]
        capture: bool,
        #[command(flatten)]
        runtime: RuntimeArgs,
        /// How to print.
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
}

#[derive(Debug, Args)]
struct RuntimeArgs {
    /// The CPython that programs run on.
    #[arg(long, default_value = "/usr/bin/python3")]
    python: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve { listen, workers, require, runtime } => {
            serve(&Options { listen, workers, require, python: runtime.python }).map(|()| true)
        }
        Command::Check { runtime, output } => check(&runtime.python, output),
        Command::Run { file, tests, capture, runtime, output } => {
            request(&file, tests.as_deref(), capture).and_then(|request| run(&request, runtime.python, output))
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::from(2)
        }
    }
}

/// An error and its causes, each said once.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| {
        match (text.is_empty(), text.contains(&cause)) {
            (true, _) => cause,
            (false, true) => text,
            (false, false) => format!("{text}: {cause}"),
        }
    })
}

fn serve(options: &Options) -> anyhow::Result<()> {
    let ends = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    // Before any thread is started, so that only this one takes them.
    ends.thread_block()?;
    let pool = Pool::start(options)?;
    let (address, workers, python, isolation) =
        (pool.address(), options.workers.max(1), pool.python(), pool.isolation());
    let mut stdout = std::io::stdout();
    writeln!(stdout, "genesis-sandbox: listening on {address}, {workers} workers, python {python}, {isolation}")?;
    stdout.flush()?;
    let signal = ends.wait()?;
    // Whoever read the first line may have gone.
    let _ = writeln!(stdout, "genesis-sandbox: {signal}, ending");
    Ok(())
}

fn check(python: &std::path::Path, output: Output) -> anyhow::Result<bool> {
    let proofs = proof::check(python);
    let granted = proofs.iter().all(|proof: &Proof| proof.granted);
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&proofs)?),
        Output::Table => print!("{}", show::proofs(&proofs)),
    }
    Ok(granted)
}

fn request(file: &std::path::Path, tests: Option<&std::path::Path>, capture: bool) -> anyhow::Result<ExecutionRequest> {
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let parse = |path: &std::path::Path| -> anyhow::Result<TestSuite> {
        let shape = r#"{"kind": "calls", "entry": "f", "cases": [{"args": ["1"], "expected": "2"}]}"#;
        serde_json::from_str(&read(path)?)
            .with_context(|| format!("{} is not a test suite like {shape}", path.display()))
    };
    Ok(ExecutionRequest {
        id: file.display().to_string(),
        language: Language::Python,
        source: read(file)?,
        tests: tests.map(parse).transpose()?,
        capture,
        limits: Limits::default(),
    })
}

fn run(request: &ExecutionRequest, python: PathBuf, output: Output) -> anyhow::Result<bool> {
    let pool = Pool::start(&Options { workers: 1, python, ..Options::default() }).map_err(explained)?;
    let records = pool.client().execute(std::slice::from_ref(request))?;
    let record = records.first().context("the pool gave no record")?;
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(record)?),
        Output::Table => print!("{}", show::record(record)),
    }
    Ok(matches!(record.verdict, ExecutionVerdict::Pass | ExecutionVerdict::Unverified))
}

fn explained(error: StartError) -> anyhow::Error {
    let not_granted = error.is_not_granted();
    let error = anyhow::Error::new(error);
    if not_granted { error.context("`genesis-sandbox check` shows every protection of this machine") } else { error }
}
