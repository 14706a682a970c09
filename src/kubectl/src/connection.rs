//! From the usual flags of kubectl to a client.

use std::path::PathBuf;

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Which cluster, and which namespace.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Connection {
    /// Namespace [default: that of the context]
    #[arg(long, short, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Kubeconfig file [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

impl Connection {
    /// A client, and the namespace that is meant.
    pub async fn open(&self) -> Result<(Client, String)> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let config = match (&self.kubeconfig, &self.context) {
            (Some(path), _) => {
                let file = Kubeconfig::read_from(path).with_context(|| format!("cannot read {}", path.display()))?;
                let usable = Config::from_custom_kubeconfig(file, &options).await;
                usable.with_context(|| {
                    format!(
                        "cannot use this context of {0}; `kubectl --kubeconfig {0} config get-contexts` lists them",
                        path.display()
                    )
                })?
            }
            (None, Some(context)) => Config::from_kubeconfig(&options).await.with_context(|| {
                format!("cannot use the context {context}; `kubectl config get-contexts` lists them")
            })?,
            (None, None) => {
                Config::infer().await.context("no Kubernetes API is configured: set KUBECONFIG or --kubeconfig")?
            }
        };
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok((Client::try_from(config).context("cannot use this kubeconfig")?, namespace))
    }
}
