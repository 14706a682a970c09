//! `kubectl-genesis`: kubectl finds it on the PATH and runs it as `kubectl genesis`.

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use clap::Parser;
use genesis_kubectl::{Arguments, Ending, Session, run};

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { connection, no_color, command } = Arguments::parse();
    let mut out = stdout();
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let coloured = out.is_terminal() && !no_color && !set("NO_COLOR") && !dumb;
    match run(command, async || Session::open(&connection, coloured).await, &mut out).await {
        Ok(Ending::Well) => ExitCode::SUCCESS,
        Ok(Ending::Badly) => ExitCode::FAILURE,
        // The reader has seen enough: `kubectl genesis get | head`.
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(is_closed) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The chain of causes; what a cause has told with its own words already is not told twice.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text
}

fn is_closed(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}
