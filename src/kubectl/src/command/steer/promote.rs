use std::io::Write;

use anyhow::{Result, bail};
use genesis_api::conditions::ModelReason;
use genesis_api::names::turn_name;
use genesis_api::{Evaluation, GenesisModel, Rollout};

use crate::command::{Ending, Session};
use crate::kind::{Kind, Target};
use crate::output::Form;
use crate::summary::loop_reason;
use crate::verbs;

/// Arguments of `promote`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis promote coder            # approve the candidate that awaits approval, or let its paused Rollout go on
  kubectl genesis promote coder --full     # skip the rest of the steps of the Rollout under way
  kubectl genesis promote rollout/coder-r3 --full

The candidate is proved on every replica in any case, and an Evaluation that did not pass is never rolled out.")]
pub struct Promote {
    /// A model, a Rollout, or an Evaluation that awaits approval
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    object: Vec<String>,
    /// Skip the rest of the steps
    #[arg(long)]
    full: bool,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Promote {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let Self { object, full, output } = self;
        let target = Target::from_words(&object)?;
        let name = target.name.as_str();
        match session.kind_of(&target).await? {
            Kind::Rollout => promote_rollout(session, name, full, output, out).await,
            Kind::Evaluation => approve(session, name, output, out).await,
            Kind::TrainingRun => bail!("a TrainingRun has nothing to promote; name its model, Evaluation or Rollout"),
            Kind::Model => {
                let model: GenesisModel = session.get(name).await?;
                let status = model.status.clone().unwrap_or_default();
                if let Some(rollout) = &status.active_rollout {
                    return promote_rollout(session, rollout, full, output, out).await;
                }
                match (loop_reason(&status), &status.candidate_adapter) {
                    (Some((ModelReason::AwaitingApproval, _)), Some(candidate)) => {
                        approve(session, &turn_name(name, candidate.revision), output, out).await
                    }
                    (reason, _) => {
                        let why = reason.map_or("not told yet".to_owned(), |(reason, why)| format!("{reason}: {why}"));
                        bail!("{name} has no Rollout under way, and no candidate awaits approval; its loop is {why}")
                    }
                }
            }
        }
    }
}

async fn promote_rollout(
    session: &Session,
    name: &str,
    full: bool,
    output: Form,
    out: &mut impl Write,
) -> Result<Ending> {
    let rollout: Rollout = session.get(name).await?;
    let model = session.find::<GenesisModel>(&rollout.spec.model_ref.name).await?;
    session.apply::<Rollout>(name, verbs::promote(&rollout, model.as_ref(), full)?, output, out).await
}

async fn approve(session: &Session, name: &str, output: Form, out: &mut impl Write) -> Result<Ending> {
    let evaluation: Evaluation = session.get(name).await?;
    session.apply::<Evaluation>(name, verbs::approve(&evaluation)?, output, out).await
}
