use std::io::Write;

use anyhow::{Result, bail};
use genesis_api::GenesisModel;

use crate::command::{Ending, Session};
use crate::kind::{Kind, Target};
use crate::output::Form;
use crate::verbs;

/// Arguments of `rollback`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis rollback coder             # the champion before this one
  kubectl genesis rollback coder --to 3      # the adapter that turn 3 brought live
  kubectl genesis rollback coder --unpin     # the loop goes on, from the adapter that is live then

It sets spec.pinnedAdapter. Where the model comes from Git, write it there too.")]
pub struct Rollback {
    /// A model
    #[arg(required = true, num_args = 1..=2, value_name = "MODEL")]
    model: Vec<String>,
    /// The promoted turn to go back to
    #[arg(long, value_name = "REVISION", conflicts_with = "unpin")]
    to: Option<i64>,
    /// Take the pin away again
    #[arg(long)]
    unpin: bool,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Rollback {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let Self { model, to, unpin, output } = self;
        let target = Target::from_words(&model)?;
        if let Some(kind) = target.kind.filter(|kind| *kind != Kind::Model) {
            bail!("a {kind} cannot be rolled back: name the model, or use `kubectl genesis abort` for a Rollout");
        }
        let model: GenesisModel = session.get(&target.name).await?;
        let change = if unpin { verbs::unpin(&model) } else { verbs::roll_back(&model, to)? };
        session.apply::<GenesisModel>(&target.name, change, output, out).await
    }
}
