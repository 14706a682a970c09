//! `genesis-inference`: serves a base model and its adapters.

use clap::Parser;
use genesis_model::infer::options::{Cli, Command, ServeOptions};
use genesis_model::infer::{bench, server};
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).json().init();
    match Cli::parse() {
        Cli { command: Some(Command::Bench(options)), .. } => println!("{}", bench::run(&options)?),
        Cli { serve, .. } => serve_until_stopped(serve)?,
    }
    Ok(())
}

#[tokio::main]
async fn serve_until_stopped(options: ServeOptions) -> anyhow::Result<()> {
    Ok(server::run(options, server::stop_signal()).await?)
}
