//! `kubectl genesis explain`: why an object is as it is.

use std::io::Write;

use anyhow::Result;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use jiff::Timestamp;

use super::{Ending, Session};
use crate::explain;
use crate::kind::{Kind, Target};
use crate::output::Form;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis explain model coder             # why the loop does or does nothing
  kubectl genesis explain evaluation coder-r3     # why the candidate passed or did not
  kubectl genesis explain rollout/coder-r3 -o json")]
pub struct Arguments {
    /// `KIND NAME`, `KIND/NAME`, or a NAME that only one object has
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    object: Vec<String>,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Arguments {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let target = Target::from_words(&self.object)?;
        let (name, now) = (target.name.as_str(), Timestamp::now());
        let report = match session.kind_of(&target).await? {
            Kind::Model => explain::model(&session.get::<GenesisModel>(name).await?, now),
            Kind::TrainingRun => explain::training_run(&session.get::<TrainingRun>(name).await?),
            Kind::Evaluation => explain::evaluation(&session.get::<Evaluation>(name).await?),
            Kind::Rollout => {
                let rollout = session.get::<Rollout>(name).await?;
                let evaluation = match &rollout.spec.evaluation_ref {
                    Some(reference) => session.find::<Evaluation>(&reference.name).await?,
                    None => None,
                };
                explain::rollout(&rollout, evaluation.as_ref(), now)
            }
        };
        out.write_all(self.output.of(&report, || report.text(session.coloured))?.as_bytes())?;
        Ok(Ending::Well)
    }
}
