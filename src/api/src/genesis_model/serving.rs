use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PodSettings;

/// The inference servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServingSpec {
    /// How many.
    #[schemars(range(min = 0, max = 64))]
    pub replicas: i32,
    /// Adapters a server holds at once: the current one, the one before it and a candidate at least.
    #[schemars(range(min = 3, max = 64))]
    pub max_loras: i32,
    /// Largest rank of an adapter.
    #[schemars(range(min = 1, max = 512))]
    pub max_lora_rank: i32,
    /// Their pods.
    #[serde(flatten)]
    pub pod: PodSettings,
}

impl Default for ServingSpec {
    fn default() -> Self {
        Self { replicas: 1, max_loras: 8, max_lora_rank: 64, pod: PodSettings::default() }
    }
}

/// The pool in which generated programs are executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxSpec {
    /// How many pods. With a runtime class, `replicas` times `workers`, each of which runs one program at a time.
    #[schemars(range(min = 0, max = 64))]
    pub replicas: i32,
    /// Programs a pod runs at once; with a runtime class, pods for each replica.
    #[schemars(range(min = 1, max = 256))]
    pub workers: i32,
    /// Their pods. A `runtimeClassName` must be one of gVisor; the operator has one for specs that name none.
    #[serde(flatten)]
    pub pod: PodSettings,
}

impl Default for SandboxSpec {
    fn default() -> Self {
        Self { replicas: 1, workers: 2, pod: PodSettings::default() }
    }
}
