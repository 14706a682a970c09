use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use genesis_gateway::{Config, Secret};

/// Settings of the gateway; each can come from its environment variable.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where consumers connect
    #[arg(long, env = "GENESIS_LISTEN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Where the operator connects
    #[arg(long, env = "GENESIS_INTERNAL_LISTEN", default_value = "127.0.0.1:8001")]
    internal_listen: SocketAddr,
    /// Where Prometheus connects
    #[arg(long, env = "GENESIS_METRICS_LISTEN", default_value = "127.0.0.1:9127")]
    metrics_listen: SocketAddr,
    /// Folder of the ledger
    #[arg(long, env = "GENESIS_DATA", default_value = "/var/lib/genesis/ledger")]
    data: PathBuf,
    /// Internal address of the operator
    #[arg(long, env = "GENESIS_OPERATOR_URL")]
    operator_url: Option<String>,
    /// What operator and gateway show each other
    #[arg(long, env = "GENESIS_SERVICE_TOKEN", hide_env_values = true)]
    service_token: String,
    /// Watch this namespace only
    #[arg(long, env = "GENESIS_NAMESPACE")]
    namespace: Option<String>,
}

impl Arguments {
    pub async fn run(self) -> Result<()> {
        let Self { listen, internal_listen, metrics_listen, data, operator_url, service_token, namespace } = self;
        let mut config = Config::new(data, Secret::new(service_token));
        config.listen = listen;
        config.internal_listen = internal_listen;
        config.metrics_listen = metrics_listen;
        config.operator_url = operator_url;
        config.namespace = namespace;
        Ok(genesis_gateway::run(config).await?)
    }
}
