use std::io::Write;

use anyhow::{Result, bail};
use genesis_api::{GenesisModel, Rollout};

use crate::command::{Ending, Session};
use crate::kind::{Kind, Target};
use crate::output::Form;
use crate::verbs;

/// Arguments of `abort`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis abort coder              # the Rollout of coder that is under way
  kubectl genesis abort rollout/coder-r3

An abort cannot be taken back; `kubectl genesis retry rollout/NAME` rolls the candidate out again.")]
pub struct Abort {
    /// A Rollout, or a model with one under way
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    object: Vec<String>,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Abort {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let target = Target::from_words(&self.object)?;
        let name = match session.kind_of(&target).await? {
            Kind::Rollout => target.name,
            Kind::Model => {
                let model: GenesisModel = session.get(&target.name).await?;
                let Some(active) = model.status.and_then(|status| status.active_rollout) else {
                    bail!("{0} has no Rollout under way; `kubectl genesis pause {0}` holds its loop", target.name)
                };
                active
            }
            kind => bail!("a {kind} takes no traffic; `kubectl genesis pause` holds it"),
        };
        let rollout: Rollout = session.get(&name).await?;
        session.apply::<Rollout>(&name, verbs::abort(&rollout)?, self.output, out).await
    }
}
