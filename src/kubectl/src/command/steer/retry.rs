use std::io::Write;

use anyhow::Result;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use kube::api::ListParams;

use crate::command::fetch;
use crate::command::{Ending, Session};
use crate::kind::{Kind, Target};
use crate::output::Form;
use crate::verbs;

/// Arguments of `retry`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis retry coder                   # begin the next turn now, whatever the triggers say
  kubectl genesis retry trainingrun/coder-r3    # a copy of a TrainingRun that failed
  kubectl genesis retry rollout/coder-r3        # roll a candidate out again that was taken off

A copy stands beside the original as NAME-retry-1, and the loop of the model does not wait for it.")]
pub struct Retry {
    /// A model, or a TrainingRun, Evaluation or Rollout that ended without what it was for
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    object: Vec<String>,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Retry {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let target = Target::from_words(&self.object)?;
        let (name, form) = (target.name.as_str(), self.output);
        match session.kind_of(&target).await? {
            Kind::Model => {
                let change = verbs::improve(&session.get(name).await?)?;
                session.apply::<GenesisModel>(name, change, form, out).await
            }
            Kind::TrainingRun => {
                let change = verbs::again_run(&session.get(name).await?, &beside(session).await?)?;
                session.apply::<TrainingRun>(name, change, form, out).await
            }
            Kind::Evaluation => {
                let change = verbs::again_evaluation(&session.get(name).await?, &beside(session).await?)?;
                session.apply::<Evaluation>(name, change, form, out).await
            }
            Kind::Rollout => {
                let rollout: Rollout = session.get(name).await?;
                let model = session.find::<GenesisModel>(&rollout.spec.model_ref.name).await?;
                let change = verbs::again_rollout(&rollout, &beside(session).await?, model.as_ref())?;
                session.apply::<Rollout>(name, change, form, out).await
            }
        }
    }
}

async fn beside<K: fetch::Readable>(session: &Session) -> Result<Vec<K>> {
    fetch::list(&session.client, Some(&session.namespace), &ListParams::default()).await
}
