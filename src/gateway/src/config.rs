//! What a gateway is told when it starts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use genesis_api::names::{INFERENCE_PORT, SANDBOX_PORT};

use crate::executor::BatchPolicy;
use crate::routing::{ModelKey, RetryPolicy};

/// A secret that does not appear in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Settings of one gateway process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where consumers connect.
    pub listen: SocketAddr,
    /// Where the operator connects.
    pub internal_listen: SocketAddr,
    /// Where Prometheus connects.
    pub metrics_listen: SocketAddr,
    /// Directory of the ledger and its projections; made if it is not there. One process at a time may have it open.
    pub data: PathBuf,
    /// Internal address of the operator; without it the loop cannot be triggered from here.
    pub operator_url: Option<String>,
    /// What operator and gateway show each other.
    pub service_token: Secret,
    /// Watch only this namespace.
    pub namespace: Option<String>,
    /// Answers requests that name no model.
    pub default_model: Option<ModelKey>,
    /// Port of the OpenAI API of an inference pod.
    pub inference_port: u16,
    /// Port of a sandbox pod.
    pub sandbox_port: u16,
    /// How long a request waits for pods that restart.
    pub retry: RetryPolicy,
    /// How programs are batched on their way to a sandbox.
    pub batches: BatchPolicy,
    /// Generations worked on at one time; the next ones wait their turn.
    pub max_generations: usize,
    /// Generations that wait their turn; one more is told to come back later.
    pub max_waiting: usize,
}

/// Why a configuration cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// Anyone could speak for the operator.
    #[error("the service token has {0} characters, at least {min} are needed: set GENESIS_SERVICE_TOKEN", min = MIN_TOKEN)]
    WeakToken(usize),
    /// Two servers on one address.
    #[error("two servers cannot share {0}: give each its own port")]
    SharedAddress(SocketAddr),
}

const MIN_TOKEN: usize = 8;

impl Secret {
    /// Keeps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret, to be shown to the one it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Config {
    /// The usual ports on the loopback interface, with the ledger in `data`.
    pub fn new(data: PathBuf, service_token: Secret) -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: local(8000),
            internal_listen: local(8001),
            metrics_listen: local(9127),
            data,
            operator_url: None,
            service_token,
            namespace: None,
            default_model: None,
            inference_port: INFERENCE_PORT,
            sandbox_port: SANDBOX_PORT,
            retry: RetryPolicy::default(),
            batches: BatchPolicy::default(),
            max_generations: 256,
            max_waiting: 256,
        }
    }

    /// Refuses what cannot work or is not safe.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let token = self.service_token.reveal().chars().count();
        if token < MIN_TOKEN {
            return Err(InvalidConfig::WeakToken(token));
        }
        let addresses = [self.listen, self.internal_listen, self.metrics_listen];
        for (index, address) in addresses.iter().enumerate() {
            if address.port() != 0 && addresses[index + 1..].contains(address) {
                return Err(InvalidConfig::SharedAddress(*address));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new("data".into(), Secret::new("0123456789"))
    }

    #[test]
    fn the_defaults_are_the_usual_ports() {
        assert_eq!((config().listen.port(), config().metrics_listen.port()), (8000, 9127));
        assert_eq!(config().validate(), Ok(()));
    }

    #[test]
    fn weak_tokens_and_shared_ports_are_refused() {
        let weak = Config { service_token: Secret::new("x"), ..config() };
        assert_eq!(weak.validate(), Err(InvalidConfig::WeakToken(1)));
        let shared = Config { internal_listen: config().listen, ..config() };
        assert_eq!(shared.validate(), Err(InvalidConfig::SharedAddress(config().listen)));
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert!(!format!("{:?}", config()).contains("0123456789"));
    }
}
