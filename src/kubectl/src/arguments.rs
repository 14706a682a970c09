//! The command line.

use clap::{Parser, Subcommand};

use crate::command::{check, completion, explain, get, lint, list, status, steer, version};
use crate::connection::Connection;

/// See the loop of a Genesis model, steer it, and learn why it did what it did.
///
/// Exit status: 0 when all is well; 1 for an error, a turn that failed, a check or a file that is not right; 2 for a
/// command line that cannot be read.
#[derive(Debug, Parser)]
#[command(name = "kubectl genesis", bin_name = "kubectl genesis", version)]
pub struct Arguments {
    /// Which cluster.
    #[command(flatten)]
    pub connection: Connection,
    /// Write no colours; NO_COLOR does the same
    #[arg(long, global = true)]
    pub no_color: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show models with their turns, Jobs and pods as a tree
    Get(get::Arguments),
    /// Show models, one a line
    List(list::Arguments),
    /// Tell how a model, TrainingRun, Evaluation or Rollout stands
    Status(status::Arguments),
    /// Approve a candidate that passed, let a paused Rollout go on, or skip the rest of its steps
    Promote(steer::Promote),
    /// Take the candidate of a Rollout off: all traffic goes back to the stable
    Abort(steer::Abort),
    /// Hold the loop of a model, or one TrainingRun, Evaluation or Rollout
    Pause(steer::Pause),
    /// Let go on what is paused
    Resume(steer::Resume),
    /// Bring an earlier adapter back and hold the loop
    Rollback(steer::Rollback),
    /// Begin another turn of a model, or a copy of a child that failed
    Retry(steer::Retry),
    /// Tell why an object is as it is: the chain of checks, the numbers, the remedy
    Explain(explain::Arguments),
    /// Check manifests without a server: schema and CEL rules
    Lint(lint::Arguments),
    /// Check the installation: definitions, operator, gateway, permissions, storage
    Check(check::Arguments),
    /// Print a completion script
    Completion(completion::Arguments),
    /// Print the version of this program and of the API it speaks
    Version(version::Arguments),
}
