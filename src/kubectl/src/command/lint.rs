//! `kubectl genesis lint`: manifests without a server.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Ending;
use crate::lint::{Linted, lint};
use crate::output::Form;

/// Arguments of `lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis lint -f model.yaml
  kubectl genesis lint -f manifests/*.yaml -o json
  helm template . | kubectl genesis lint -f -")]
pub struct Arguments {
    /// Files of YAML or JSON; - is the standard input
    #[arg(long, short, required = true, num_args = 1.., value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, out: &mut impl Write) -> Result<Ending> {
        let Self { filename, output } = self;
        let mut all = Linted::default();
        for path in &filename {
            let found = lint(&path.display().to_string(), &read(path)?);
            all.objects += found.objects;
            all.others += found.others;
            all.problems.extend(found.problems);
        }
        out.write_all(output.of(&all, || text(&all))?.as_bytes())?;
        Ok(all.problems.is_empty().into())
    }
}

fn read(path: &Path) -> Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn text(all: &Linted) -> String {
    let lines: Vec<String> = all.problems.iter().map(|problem| format!("{problem}\n")).collect();
    let others = if all.others == 0 { String::new() } else { format!(", {} of other kinds passed over", all.others) };
    format!("{}{} objects, {} errors{others}\n", lines.concat(), all.objects, all.problems.len())
}
