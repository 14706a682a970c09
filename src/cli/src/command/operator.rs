use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use genesis_operator::Config;

/// Settings of the operator; each can come from its environment variable.
#[derive(clap::Args)]
pub struct Arguments {
    /// Address of the internal server: Jobs report here, and it answers probes and metrics
    #[arg(long, env = "GENESIS_OPERATOR_LISTEN", default_value = "127.0.0.1:8002")]
    listen: SocketAddr,
    /// Address of that server as pods reach it [default: the listening one]
    #[arg(long, env = "GENESIS_OPERATOR_URL")]
    operator_url: Option<String>,
    /// Internal address of the gateway
    #[arg(long, env = "GENESIS_GATEWAY_URL")]
    gateway_url: Option<String>,
    /// What operator and gateway show each other; the tokens of Jobs are derived from it
    #[arg(long, env = "GENESIS_SERVICE_TOKEN", hide_env_values = true)]
    service_token: String,
    /// Watch this namespace only
    #[arg(long, env = "GENESIS_NAMESPACE")]
    namespace: Option<String>,
    /// Folder of built-in models, passed on to the pods
    #[arg(long, env = "GENESIS_MODELS")]
    models: Option<PathBuf>,
}

impl Arguments {
    pub async fn run(self) -> Result<()> {
        let Self { listen, operator_url, gateway_url, service_token, namespace, models } = self;
        let mut pod_environment = BTreeMap::new();
        if let Some(models) = models {
            pod_environment.insert("GENESIS_MODELS".to_owned(), models.display().to_string());
        }
        let config = Config {
            listen,
            report_url: operator_url,
            service_token,
            gateway_url,
            namespace,
            pod_environment,
            ..Config::default()
        };
        Ok(genesis_operator::run(config).await?)
    }
}
