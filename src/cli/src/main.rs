//! `genesis`: every part of Genesis that is not a model or a sandbox, one subcommand each.

mod command;
mod logging;
mod shutdown;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A code model that improves itself from its own executed work.
#[derive(Parser)]
#[command(name = "genesis", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the four controllers
    Operator(command::operator::Arguments),
    /// Serve the API: generation, statistics, routing
    Gateway(command::gateway::Arguments),
    /// Run one evaluation and report its numbers
    Evaluate(command::evaluate::Arguments),
    /// Run pods of a Kubernetes API as processes of this machine
    Node(command::node::Arguments),
    /// Everything on this machine: control plane, operator, gateway
    Local(command::local::Arguments),
    /// Print the custom resource definitions
    Crds,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start();
    let done = match arguments.command {
        Command::Operator(arguments) => arguments.run().await,
        Command::Gateway(arguments) => arguments.run().await,
        Command::Evaluate(arguments) => return arguments.run().await,
        Command::Node(arguments) => arguments.run().await,
        Command::Local(arguments) => arguments.run().await,
        Command::Crds => command::crds::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
