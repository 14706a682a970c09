//! The verbs that change something: one patch, or one new object.

mod apply;

use std::io::Write;

use anyhow::{Result, bail};
use genesis_api::conditions::ModelReason;
use genesis_api::names::turn_name;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use kube::api::ListParams;

use super::{Ending, Session, fetch};
use crate::kind::{Kind, Target};
use crate::output::Form;
use crate::summary::loop_reason;
use crate::verbs::{self, Change};

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

/// The name that an object got, for the answer.
fn name_of(change: &Change, name: &str) -> String {
    match change {
        Change::Create(object, _) => object["metadata"]["name"].as_str().unwrap_or(name).to_owned(),
        Change::Patch(..) | Change::Nothing(_) => name.to_owned(),
    }
}
