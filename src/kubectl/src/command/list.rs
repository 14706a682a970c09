//! `kubectl genesis list`: one line for each model.

use std::io::Write;

use anyhow::Result;
use genesis_api::{GenesisModel, Rollout};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;

use super::{Ending, Session, fetch};
use crate::kind::Kind;
use crate::output::View;
use crate::render;

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis list
  kubectl genesis list -A -o wide")]
pub struct Arguments {
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
        let Self { all_namespaces, output } = self;
        let namespace = (!all_namespaces).then_some(session.namespace.as_str());
        let models: Vec<GenesisModel> = fetch::list(&session.client, namespace, &ListParams::default()).await?;
        let list = || json!({ "apiVersion": "v1", "kind": "List", "items": models });
        let text = match output {
            View::Json => serde_json::to_string_pretty(&list())? + "\n",
            View::Yaml => serde_yaml::to_string(&list())?,
            View::Name => models.iter().map(|model| Kind::Model.full_name(&model.name_any()) + "\n").collect(),
            View::Text | View::Wide if models.is_empty() => {
                format!("no GenesisModel in {}\n", namespace.unwrap_or("any namespace"))
            }
            View::Text | View::Wide => {
                let rollouts: Vec<Rollout> = fetch::list(&session.client, namespace, &ListParams::default()).await?;
                render::list(&models, &rollouts, all_namespaces, session.style(output == View::Wide))
            }
        };
        out.write_all(text.as_bytes())?;
        Ok(Ending::Well)
    }
}
