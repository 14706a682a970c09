use std::io::Write;

use anyhow::Result;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};

use crate::command::{Ending, Session};
use crate::kind::{Kind, Target};
use crate::output::Form;
use crate::verbs;

/// Arguments of `pause`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis pause coder              # the loop of a model: nothing is trained, evaluated or rolled out further
  kubectl genesis pause rollout/coder-r3   # a Rollout, at its present weight
  kubectl genesis pause trainingrun/coder-r3")]
pub struct Pause {
    #[command(flatten)]
    hold: Hold,
}

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis resume coder
  kubectl genesis resume rollout/coder-r3")]
pub struct Resume {
    #[command(flatten)]
    hold: Hold,
}

#[derive(Debug, clap::Args)]
struct Hold {
    /// A model, TrainingRun, Evaluation or Rollout
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    object: Vec<String>,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Pause {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        self.hold.run(session, true, out).await
    }
}

impl Resume {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        self.hold.run(session, false, out).await
    }
}

impl Hold {
    async fn run(self, session: &Session, held: bool, out: &mut impl Write) -> Result<Ending> {
        let target = Target::from_words(&self.object)?;
        let (name, form) = (target.name.as_str(), self.output);
        match session.kind_of(&target).await? {
            Kind::Model => {
                let change = verbs::hold_model(&session.get(name).await?, held);
                session.apply::<GenesisModel>(name, change, form, out).await
            }
            Kind::TrainingRun => {
                let change = verbs::hold_work::<TrainingRun>(&session.get(name).await?, held)?;
                session.apply::<TrainingRun>(name, change, form, out).await
            }
            Kind::Evaluation => {
                let change = verbs::hold_work::<Evaluation>(&session.get(name).await?, held)?;
                session.apply::<Evaluation>(name, change, form, out).await
            }
            Kind::Rollout => {
                let change = verbs::hold_rollout(&session.get(name).await?, held)?;
                session.apply::<Rollout>(name, change, form, out).await
            }
        }
    }
}
