//! `genesis local`: control plane, node, operator and gateway on this machine, with one command.

mod install;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use genesis_minicluster::node::{Node, NodeOptions};
use genesis_minicluster::{Minicluster, Options, secret};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

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
        let stack = match &self.kubeconfig {
            Some(kubeconfig) => Stack::on(kubeconfig, NodeOptions::new(data.join("node"), binaries)).await?,
            None => Stack::own(&data, self.cluster_listen, binaries).await?,
        };
        install::crds(&stack.client).await?;
        install::parts(&stack.client, &self.words(&data, &stack.kubeconfig)?).await?;
        tracing::info!(api = %self.listen, kubeconfig = %stack.kubeconfig.display(), "Genesis is starting.");
        shutdown.cancelled().await;
        stack.stop().await;
        Ok(())
    }

    /// What stands for the words in `manifests/local/genesis.yaml`.
    fn words(&self, data: &Path, kubeconfig: &Path) -> Result<Vec<(&'static str, String)>> {
        let path = |path: &Path| path.display().to_string();
        // The pods do not run where this was typed.
        let models = self
            .models
            .as_deref()
            .map(|models| models.canonicalize().with_context(|| format!("--models: open {}", models.display())));
        Ok(vec![
            ("KUBECONFIG", path(kubeconfig)),
            ("TOKEN", secret(&data.join("service-token"))?),
            ("OPERATOR", self.operator_listen.to_string()),
            ("OPERATOR_HOST", self.operator_listen.ip().to_string()),
            ("OPERATOR_PORT", self.operator_listen.port().to_string()),
            ("GATEWAY_INTERNAL", self.internal_listen.to_string()),
            ("API", self.listen.to_string()),
            ("API_HOST", self.listen.ip().to_string()),
            ("API_PORT", self.listen.port().to_string()),
            ("METRICS", self.metrics_listen.to_string()),
            ("DATA", path(data)),
            ("MODELS", models.transpose()?.as_deref().map(path).unwrap_or_default()),
            ("LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned())),
        ])
    }
}

/// What the pods run on: a whole minicluster, or a node of somebody else's cluster.
struct Stack {
    client: Client,
    kubeconfig: PathBuf,
    runs: Runs,
}

enum Runs {
    Cluster(Box<Minicluster>),
    Node(Node),
}

impl Stack {
    async fn own(data: &Path, listen: SocketAddr, binaries: PathBuf) -> Result<Self> {
        let options = Options { data_dir: Some(data.to_owned()), listen: Some(listen), ..Options::in_memory(binaries) };
        let cluster = Minicluster::start(options).await?;
        Ok(Self {
            client: cluster.client(),
            kubeconfig: data.join("kubeconfig"),
            runs: Runs::Cluster(Box::new(cluster)),
        })
    }

    async fn on(kubeconfig: &Path, node: NodeOptions) -> Result<Self> {
        let kubeconfig = kubeconfig.canonicalize().with_context(|| format!("open {}", kubeconfig.display()))?;
        let client = connect(&kubeconfig).await?;
        let node = Node::start(client.clone(), node).await?;
        Ok(Self { client, kubeconfig, runs: Runs::Node(node) })
    }

    async fn stop(self) {
        match self.runs {
            Runs::Cluster(cluster) => cluster.shutdown().await,
            Runs::Node(node) => node.shutdown().await,
        }
    }
}

async fn connect(kubeconfig: &Path) -> Result<Client> {
    let config = Kubeconfig::read_from(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
