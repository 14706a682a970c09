//! `kubectl genesis status`: how an object stands, once or until it is settled.

mod watching;

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use serde_json::json;

use super::{Ending, Session};
use crate::kind::{Kind, Target};
use crate::output::Form;
use crate::summary::{Standing, of_evaluation, of_model, of_rollout, of_run};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis status coder
  kubectl genesis status coder --watch --timeout 30m    # one line for each change, until the loop rests
  kubectl genesis status rollout/coder-r3 --watch

Exit status is 1 when the object is broken, when its last turn failed or was rolled back, or when time is up. A candidate
that was rejected is an everyday result.")]
pub struct Arguments {
    /// A model, TrainingRun, Evaluation or Rollout
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    object: Vec<String>,
    /// Tell of every change until nothing more will happen by itself
    #[arg(long, short)]
    watch: bool,
    /// How long to watch: 90s, 15m, 2h [default: for ever]
    #[arg(long, requires = "watch", value_parser = duration)]
    timeout: Option<Duration>,
    /// Form of the answer; while watching, one JSON object a line
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Arguments {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let Self { object, watch, timeout, output } = self;
        let target = Target::from_words(&object)?;
        let kind = session.kind_of(&target).await?;
        if watch {
            return watching::watch(session, kind, &target.name, timeout, output, out).await;
        }
        let standing = session.standing(kind, &target.name).await?;
        let value = value(kind, &target.name, &standing);
        out.write_all(output.of(&value, || line(&target.name, &standing, session.coloured))?.as_bytes())?;
        Ok((!standing.failed).into())
    }
}

impl Session {
    /// How an object stands now.
    async fn standing(&self, kind: Kind, name: &str) -> Result<Standing> {
        Ok(match kind {
            Kind::Model => self.standing_of_model(&self.get(name).await?).await?,
            Kind::TrainingRun => of_run(&self.get::<TrainingRun>(name).await?),
            Kind::Evaluation => of_evaluation(&self.get::<Evaluation>(name).await?),
            Kind::Rollout => of_rollout(&self.get::<Rollout>(name).await?),
        })
    }

    /// A model's word, with the progress of its child at work. A child that is gone by now is left out.
    async fn standing_of_model(&self, model: &GenesisModel) -> Result<Standing> {
        let standing = of_model(model);
        let status = model.status.clone().unwrap_or_default();
        let child = if let Some(name) = &status.active_rollout {
            self.find::<Rollout>(name).await?.map(|rollout| of_rollout(&rollout))
        } else if let Some(name) = &status.active_evaluation {
            self.find::<Evaluation>(name).await?.map(|evaluation| of_evaluation(&evaluation))
        } else if let Some(name) = &status.active_training_run {
            self.find::<TrainingRun>(name).await?.map(|run| of_run(&run))
        } else {
            None
        };
        Ok(match child {
            Some(child) if !standing.settled => {
                Standing { info: format!("{}: {}: {}", standing.info, child.word, child.info), ..standing }
            }
            _ => standing,
        })
    }
}

fn line(name: &str, standing: &Standing, coloured: bool) -> String {
    let word = standing.sign.paint(&format!("{} {}", standing.sign.icon(), standing.word), coloured);
    format!("{name}  {word}  {}", standing.info).trim_end().to_owned() + "\n"
}

fn value(kind: Kind, name: &str, standing: &Standing) -> serde_json::Value {
    json!({
        "kind": kind, "name": name, "sign": standing.sign, "status": standing.word, "message": standing.info,
        "settled": standing.settled, "failed": standing.failed,
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration; write 90s, 15m or 2h");
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        for wrong in ["-1s", "soon", "5"] {
            assert!(duration(wrong).unwrap_err().contains("write 90s"), "{wrong}");
        }
    }
}
