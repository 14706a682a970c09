use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use genesis_operator::{Config, Election, Images};

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
    /// Act only while holding the Lease genesis-operator in this namespace: needed where several operators run
    #[arg(long, env = "GENESIS_LEASE_NAMESPACE", requires = "identity")]
    lease_namespace: Option<String>,
    /// Name in the Lease, unlike that of any other operator: the name of the pod
    #[arg(long, env = "GENESIS_IDENTITY")]
    identity: Option<String>,
    /// RuntimeClass of sandbox pods, where a spec names none: one whose runtime is gVisor. Without one they build their
    /// cells on the node's own kernel, which takes root and CAP_SYS_ADMIN
    #[arg(long, env = "GENESIS_SANDBOX_RUNTIME_CLASS")]
    sandbox_runtime_class: Option<String>,
    #[command(flatten)]
    images: ImageArguments,
}

/// Images of the pods, where a spec names none
#[derive(clap::Args)]
struct ImageArguments {
    /// Image of inference servers [default: genesis-inference of this version]
    #[arg(long, env = "GENESIS_SERVING_IMAGE")]
    serving_image: Option<String>,
    /// Image of sandbox pools [default: genesis-sandbox of this version]
    #[arg(long, env = "GENESIS_SANDBOX_IMAGE")]
    sandbox_image: Option<String>,
    /// Image of trainers [default: genesis-trainer of this version]
    #[arg(long, env = "GENESIS_TRAINER_IMAGE")]
    trainer_image: Option<String>,
    /// Image of evaluators [default: genesis of this version]
    #[arg(long, env = "GENESIS_EVALUATOR_IMAGE")]
    evaluator_image: Option<String>,
}

impl From<ImageArguments> for Images {
    fn from(named: ImageArguments) -> Self {
        let own = Self::default();
        Self {
            serving: named.serving_image.unwrap_or(own.serving),
            sandbox: named.sandbox_image.unwrap_or(own.sandbox),
            trainer: named.trainer_image.unwrap_or(own.trainer),
            evaluator: named.evaluator_image.unwrap_or(own.evaluator),
        }
    }
}

impl Arguments {
    pub async fn run(self) -> Result<()> {
        let Self { listen, operator_url, gateway_url, service_token, namespace, models, images, .. } = self;
        let sandbox_runtime_class = self.sandbox_runtime_class.filter(|name| !name.is_empty());
        let election =
            self.lease_namespace.zip(self.identity).map(|(namespace, identity)| Election { namespace, identity });
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
            images: images.into(),
            sandbox_runtime_class,
            pod_environment,
            election,
            ..Config::default()
        };
        Ok(genesis_operator::run(config).await?)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn an_image_that_is_named_takes_the_place_of_the_operators_own() {
        let words = ["operator", "--service-token", "secret", "--trainer-image", "registry/trainer:7"];
        let images = Images::from(Command::parse_from(words).arguments.images);
        assert_eq!((images.trainer.as_str(), images.serving), ("registry/trainer:7", Images::default().serving));
    }
}
