use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use genesis_api::names::Role;

use crate::leadership::Election;
use crate::watches::Watches;

/// How the operator runs.
#[derive(Clone)]
pub struct Config {
    /// Address of the internal HTTP server: Jobs report here, and it answers probes and metrics.
    pub listen: SocketAddr,
    /// Address of that server as pods reach it; derived from `listen` where absent, which must then be one address.
    pub report_url: Option<String>,
    /// Secret shared with the gateway. The tokens of Jobs are derived from it.
    pub service_token: String,
    /// Internal address of the gateway. Without one nothing is learned, and no canary can be watched.
    pub gateway_url: Option<String>,
    /// Watch this namespace only.
    pub namespace: Option<String>,
    /// Images of the pods, where a spec names none.
    pub images: Images,
    /// RuntimeClass of sandbox pods, where a spec names none. Nothing: they build their cells on the node itself.
    pub sandbox_runtime_class: Option<String>,
    /// Environment of every pod that the operator makes.
    pub pod_environment: BTreeMap<String, String>,
    /// Where several operators find out who acts; nothing: this one is alone.
    pub election: Option<Election>,
    /// Hears of the watches: a layer of the client that the operator is given.
    pub watches: Watches,
    /// How often a model is looked at when nothing tells of a change.
    pub poll: Duration,
    /// Objects of one kind that are worked on at once.
    pub concurrency: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8090)),
            report_url: None,
            service_token: String::new(),
            gateway_url: None,
            namespace: None,
            images: Images::default(),
            sandbox_runtime_class: None,
            pod_environment: BTreeMap::new(),
            election: None,
            watches: Watches::default(),
            poll: Duration::from_secs(5),
            concurrency: 8,
        }
    }
}

impl fmt::Debug for Config {
    /// Everything but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("report_url", &self.report_url)
            .field("gateway_url", &self.gateway_url)
            .field("namespace", &self.namespace)
            .field("images", &self.images)
            .field("sandbox_runtime_class", &self.sandbox_runtime_class)
            .field("election", &self.election)
            .field("poll", &self.poll)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// The image of each role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Inference server.
    pub serving: String,
    /// Sandbox pool.
    pub sandbox: String,
    /// Trainer.
    pub trainer: String,
    /// Evaluator.
    pub evaluator: String,
}

impl Default for Images {
    /// The images of the operator's own version.
    fn default() -> Self {
        let image = |name: &str| format!("{name}:{}", env!("CARGO_PKG_VERSION"));
        Self {
            serving: image("genesis-inference"),
            sandbox: image("genesis-sandbox"),
            trainer: image("genesis-trainer"),
            evaluator: image("genesis"),
        }
    }
}

impl Images {
    /// The image of a role.
    pub fn of(&self, role: Role) -> &str {
        match role {
            Role::Serving => &self.serving,
            Role::Sandbox => &self.sandbox,
            Role::Trainer => &self.trainer,
            Role::Evaluator => &self.evaluator,
        }
    }
}

/// What decisions need to know of the configuration.
#[derive(Clone)]
pub struct Settings {
    /// Images of the pods, where a spec names none.
    pub images: Images,
    /// RuntimeClass of sandbox pods, where a spec names none.
    pub sandbox_runtime_class: Option<String>,
    /// Environment of every pod.
    pub pod_environment: BTreeMap<String, String>,
    /// Where Jobs report to.
    pub report_url: String,
    /// Secret from which the tokens of Jobs are derived.
    pub service_token: String,
    /// How often a model is looked at when nothing tells of a change.
    pub poll: Duration,
}

impl fmt::Debug for Settings {
    /// Everything but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("images", &self.images)
            .field("report_url", &self.report_url)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// From the configuration, once the server is bound to `address`. Nothing where no pod could reach that: an
    /// address that stands for all of a host's own leads a pod to itself.
    pub fn new(config: &Config, address: SocketAddr) -> Option<Self> {
        let bound = (!address.ip().is_unspecified()).then(|| format!("http://{address}"));
        let report_url = config.report_url.clone().or(bound)?;
        Some(Self {
            images: config.images.clone(),
            sandbox_runtime_class: config.sandbox_runtime_class.clone(),
            pod_environment: config.pod_environment.clone(),
            report_url: report_url.trim_end_matches('/').to_owned(),
            service_token: config.service_token.clone(),
            poll: config.poll,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_told_an_address_that_they_can_reach_or_none() {
        let everywhere = Config::default();
        assert!(Settings::new(&everywhere, everywhere.listen).is_none());
        let named = Config { report_url: Some("http://operator:8090/".into()), ..Config::default() };
        let told = |config: &Config, address| Settings::new(config, address).map(|settings| settings.report_url);
        assert_eq!(told(&named, named.listen).as_deref(), Some("http://operator:8090"));
        let local = (Ipv4Addr::LOCALHOST, 8090).into();
        assert_eq!(told(&everywhere, local).as_deref(), Some("http://127.0.0.1:8090"));
    }
}
