//! `kubectl genesis version`.

use std::io::Write;

use anyhow::Result;
use genesis_api::names::{GROUP, VERSION};
use serde_json::json;

use super::Ending;
use crate::output::Form;

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis version
  kubectl genesis version -o json")]
pub struct Arguments {
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, out: &mut impl Write) -> Result<Ending> {
        let (version, api) = (env!("CARGO_PKG_VERSION"), format!("{GROUP}/{VERSION}"));
        let value = json!({ "version": version, "apiVersion": api });
        out.write_all(self.output.of(&value, || format!("kubectl-genesis {version}, {api}\n"))?.as_bytes())?;
        Ok(Ending::Well)
    }
}
