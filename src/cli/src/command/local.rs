//! `genesis local`: control plane, node, operator and gateway on this machine, with one command.

mod install;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use genesis_minicluster::Minicluster;
use genesis_node::{Node, Options};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use uuid::Uuid;

use super::node::beside_this_program;
use crate::shutdown;

/// What runs where. Everything that must survive is under `--data`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder for everything that must survive
    #[arg(long, default_value = ".genesis")]
    data: PathBuf,
    /// Use this Kubernetes API instead of one of our own
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Where consumers connect
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Where Prometheus connects
    #[arg(long, default_value = "127.0.0.1:9127")]
    metrics_listen: SocketAddr,
    /// Between gateway and operator
    #[arg(long, default_value = "127.0.0.1:8001")]
    internal_listen: SocketAddr,
    /// Where Jobs report
    #[arg(long, default_value = "127.0.0.1:8002")]
    operator_listen: SocketAddr,
    /// Our own Kubernetes API
    #[arg(long, default_value = "127.0.0.1:8003")]
    cluster_listen: SocketAddr,
    /// Where programs are looked up [default: beside this one]
    #[arg(long)]
    binaries: Option<PathBuf>,
    /// Folder of built-in models
    #[arg(long, env = "GENESIS_MODELS")]
    models: Option<PathBuf>,
}

impl Arguments {
    pub async fn run(self) -> Result<()> {
        let shutdown = shutdown::token();
        fs::create_dir_all(&self.data).with_context(|| format!("create {}", self.data.display()))?;
        let data = self.data.canonicalize()?;
        let binaries = self.binaries.clone().map_or_else(beside_this_program, Ok)?;
        let (cluster, kubeconfig) = match &self.kubeconfig {
            Some(kubeconfig) => (None, kubeconfig.canonicalize().with_context(|| format!("open {}", kubeconfig.display()))?),
            None => {
                let cluster = Minicluster::start(&data.join("cluster"), self.cluster_listen).await?;
                let kubeconfig = data.join("kubeconfig");
                fs::write(&kubeconfig, cluster.kubeconfig())?;
                (Some(cluster), kubeconfig)
            }
        };
        let client = connect(&kubeconfig).await?;
        let node = Options { name: "local".to_owned(), data: data.join("node"), binaries };
        let node = Node::start(client.clone(), node).await?;
        install::crds(&client).await?;
        install::parts(&client, &self.words(&data, &kubeconfig)?).await?;
        tracing::info!(api = %self.listen, kubeconfig = %kubeconfig.display(), "Genesis is starting.");
        shutdown.cancelled().await;
        node.stop().await;
        if let Some(cluster) = cluster {
            cluster.stop().await;
        }
        Ok(())
    }

    /// What stands for the words in `manifests/local/genesis.yaml`.
    fn words(&self, data: &Path, kubeconfig: &Path) -> Result<Vec<(&'static str, String)>> {
        let path = |path: &Path| path.display().to_string();
        Ok(vec![
            ("KUBECONFIG", path(kubeconfig)),
            ("TOKEN", token(data)?),
            ("OPERATOR", self.operator_listen.to_string()),
            ("OPERATOR_HOST", self.operator_listen.ip().to_string()),
            ("OPERATOR_PORT", self.operator_listen.port().to_string()),
            ("GATEWAY_INTERNAL", self.internal_listen.to_string()),
            ("API", self.listen.to_string()),
            ("API_HOST", self.listen.ip().to_string()),
            ("API_PORT", self.listen.port().to_string()),
            ("METRICS", self.metrics_listen.to_string()),
            ("DATA", path(data)),
            ("MODELS", self.models.as_deref().map(path).unwrap_or_default()),
            ("LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned())),
        ])
    }
}

async fn connect(kubeconfig: &Path) -> Result<Client> {
    let config = Kubeconfig::read_from(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// The secret between gateway and operator: made once, readable by its owner only.
fn token(data: &Path) -> Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let path = data.join("service-token");
    if let Ok(token) = fs::read_to_string(&path) {
        return Ok(token);
    }
    let token = Uuid::new_v4().simple().to_string();
    fs::write(&path, &token)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(token)
}
