//! `kubectl genesis get`: the tree.

use std::io::Write;

use anyhow::{Result, bail};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Ending, Session};
use crate::family::{Family, Objects};
use crate::kind::{Kind, Target};
use crate::nodes::of_family;
use crate::output::View;
use crate::render::tree;

/// Arguments of `get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis get                  # all models of the namespace
  kubectl genesis get model coder      # one model with its turns
  kubectl genesis get coder -o wide    # with whole sentences
  kubectl genesis get -A -o name       # the names of all objects")]
pub struct Arguments {
    /// `[model] NAME`; all models where absent
    #[arg(num_args = 0..=2, value_name = "NAME")]
    model: Vec<String>,
    /// Of all namespaces
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: View,
}

impl Arguments {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let Self { model, all_namespaces, output } = self;
        let wanted = match model.as_slice() {
            [] => None,
            [word] if Kind::from_word(word) == Some(Kind::Model) => None,
            words => Some(Target::from_words(words)?),
        };
        if wanted.as_ref().and_then(|target| target.kind).is_some_and(|kind| kind != Kind::Model) {
            bail!("`get` draws the tree of a model; for one child use `kubectl genesis status` or `explain`");
        }
        let objects = session.objects(all_namespaces).await?;
        let families: Vec<Family> = objects
            .families()
            .into_iter()
            .filter(|family| wanted.as_ref().is_none_or(|target| target.name == family.name))
            .collect();
        if let (Some(target), true) = (&wanted, families.is_empty()) {
            bail!(
                "there is no GenesisModel {} in namespace {}; `kubectl genesis list -A` lists them",
                target.name,
                session.namespace
            );
        }
        out.write_all(answer(&objects, &families, output, all_namespaces, session)?.as_bytes())?;
        Ok(Ending::Well)
    }
}

fn answer(objects: &Objects, families: &[Family], output: View, namespaces: bool, session: &Session) -> Result<String> {
    let list = || -> Result<Value> {
        let items: Result<Vec<Value>> = families.iter().flat_map(members).map(|(_, object)| object).collect();
        Ok(json!({ "apiVersion": "v1", "kind": "List", "items": items? }))
    };
    Ok(match output {
        View::Json => serde_json::to_string_pretty(&list()?)? + "\n",
        View::Yaml => serde_yaml::to_string(&list()?)?,
        View::Name => families.iter().flat_map(members).map(|(name, _)| name + "\n").collect(),
        View::Text | View::Wide if families.is_empty() => {
            format!("no GenesisModel in {}\n", if namespaces { "any namespace" } else { &session.namespace })
        }
        View::Text | View::Wide => {
            let roots: Vec<_> = families
                .iter()
                .map(|family| {
                    let mut root = of_family(objects, family);
                    if namespaces {
                        root.name = format!("{}/{}", family.namespace, root.name);
                    }
                    root
                })
                .collect();
            tree(&roots, session.style(output == View::Wide))
        }
    })
}

/// The objects of a family with their full names, the model first.
fn members(family: &Family) -> Vec<(String, Result<Value>)> {
    let mut members = Vec::new();
    members.extend(family.model.as_ref().map(|model| member(Kind::Model, model)));
    for turn in &family.turns {
        members.extend(turn.run.as_ref().map(|run| member(Kind::TrainingRun, run)));
        members.extend(turn.evaluation.as_ref().map(|evaluation| member(Kind::Evaluation, evaluation)));
        members.extend(turn.rollout.as_ref().map(|rollout| member(Kind::Rollout, rollout)));
    }
    members
}

fn member(kind: Kind, object: &(impl ResourceExt + serde::Serialize)) -> (String, Result<Value>) {
    (kind.full_name(&object.name_any()), serde_json::to_value(object).map_err(Into::into))
}
