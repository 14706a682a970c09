//! What the gateway knows of one model: a picture of GenesisModel, Rollout and Pods at one moment.

use genesis_core::AdapterRef;
use genesis_core::wire::AppliedRoute;

use super::replicas::Replica;
use crate::generate::settings::Settings;

/// Namespace and name of a GenesisModel. The namespace is also the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelKey {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ModelKey {
    /// Key of `namespace/name`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Reads `namespace/name`.
    pub fn parse(id: &str) -> Option<Self> {
        let (namespace, name) = id.split_once('/')?;
        let plain = |part: &str| !part.is_empty() && !part.contains('/');
        (plain(namespace) && plain(name)).then(|| Self::new(namespace, name))
    }
}

impl std::fmt::Display for ModelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The base model or one adapter, by the name under which inference serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// `model` of an OpenAI request.
    pub name: String,
    /// The adapter; `None` for the base model.
    pub adapter: Option<AdapterRef>,
}

impl Served {
    /// The base model, or the adapter over it.
    pub fn of(base: &str, adapter: Option<&AdapterRef>) -> Self {
        let name = adapter.map_or_else(|| base.to_owned(), |adapter| adapter.served_name(base));
        Self { name, adapter: adapter.cloned() }
    }
}

/// An adapter on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The adapter.
    pub served: Served,
    /// Its share of the sessions, percent.
    pub weight: u8,
    /// Uid of the Rollout: deals the sessions out anew for each trial.
    pub salt: String,
}

/// How the loop stands, as the operator says it in status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoopState {
    /// Reason of the condition LoopActive: `Idle`, `Training`, `Evaluating`, `RollingOut`, `Suspended`, …
    pub reason: String,
    /// Its message.
    pub message: String,
    /// Watermark of the last training: learnings after it are new.
    pub watermark: u64,
    /// When the last turn ended, RFC 3339.
    pub last_training: Option<String>,
    /// TrainingRun at work.
    pub training_run: Option<String>,
    /// Evaluation at work.
    pub evaluation: Option<String>,
    /// Rollout at work.
    pub rollout: Option<String>,
}

/// One model with everything that is needed to answer for it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRoute {
    /// Which model.
    pub key: ModelKey,
    /// Served name of the base model.
    pub base: String,
    /// Takes what the canary does not.
    pub stable: Served,
    /// The adapter on trial, if its weight is above zero.
    pub canary: Option<Canary>,
    /// How programs are generated.
    pub settings: Settings,
    /// Most answers to one task in a dataset.
    pub max_per_task: u32,
    /// Root of the artifact store.
    pub storage: String,
    /// The loop.
    pub loop_state: LoopState,
    /// Ready inference pods.
    pub serving: Vec<Replica>,
    /// Ready sandbox pods.
    pub sandboxes: Vec<Replica>,
}

impl ModelRoute {
    /// The route as the operator checks it.
    pub fn applied(&self) -> AppliedRoute {
        AppliedRoute {
            namespace: self.key.namespace.clone(),
            model: self.key.name.clone(),
            stable: self.stable.name.clone(),
            canary: self.canary.as_ref().map(|canary| canary.served.name.clone()),
            canary_weight: self.canary.as_ref().map_or(0, |canary| canary.weight),
        }
    }
}
