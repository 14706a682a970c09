//! `kubectl genesis completion`: a script for a shell.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Ending;

/// Arguments of `completion`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(kubectl genesis completion bash)
  kubectl genesis completion zsh > \"${fpath[1]}/_kubectl-genesis\"
  kubectl genesis completion fish > ~/.config/fish/completions/kubectl-genesis.fish

The script completes the program under its own name, kubectl-genesis.")]
pub struct Arguments {
    /// The shell
    #[arg(value_parser = shell)]
    shell: Shell,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, out: &mut impl Write) -> Result<Ending> {
        let mut script = Vec::new();
        let mut command = crate::Arguments::command().bin_name("kubectl-genesis");
        clap_complete::generate(self.shell, &mut command, "kubectl-genesis", &mut script);
        out.write_all(&script)?;
        Ok(Ending::Well)
    }
}

fn shell(word: &str) -> Result<Shell, String> {
    match word {
        "bash" => Ok(Shell::Bash),
        "zsh" => Ok(Shell::Zsh),
        "fish" => Ok(Shell::Fish),
        _ => Err("write bash, zsh or fish".to_owned()),
    }
}
