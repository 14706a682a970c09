//! What all parts of a node share.

use std::{fs, path::PathBuf, sync::Arc};

use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::{
    Client, Resource as _,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use super::{NodeError, NodeOptions, address::Addresses, memory::Memory, process::Spawner};

/// Shared by the parts of one node.
pub struct Context {
    /// Client of the API.
    pub client: Client,
    /// How the node runs.
    pub options: NodeOptions,
    /// Addresses of pods.
    pub addresses: Addresses,
    /// What the containers use.
    pub memory: Memory,
    /// Starts processes.
    pub spawner: Arc<Spawner>,
    recorder: Recorder,
}

impl Context {
    /// Prepares the data directory and the spawner thread.
    pub fn new(client: Client, options: NodeOptions) -> Result<Self, NodeError> {
        for dir in ["logs", "pods"] {
            let path = options.data_dir.join(dir);
            fs::create_dir_all(&path).map_err(|source| NodeError::Directory { path, source })?;
        }
        let addresses = Addresses::open(&options.data_dir.join("addresses"))
            .map_err(|source| NodeError::Directory { path: options.data_dir.join("addresses"), source })?;
        let spawner = Arc::new(Spawner::start().map_err(NodeError::Thread)?);
        let reporter = Reporter { controller: "kubelet".to_owned(), instance: Some(options.name.clone()) };
        let recorder = Recorder::new(client.clone(), reporter);
        Ok(Self { client, options, addresses, memory: Memory::default(), spawner, recorder })
    }

    /// Scratch directory of a pod.
    pub fn pod_dir(&self, uid: &str) -> PathBuf {
        self.options.data_dir.join("pods").join(uid)
    }

    /// Publishes an event about a container of a pod. Events are best effort, as a kubelet's.
    pub async fn event(&self, pod: &Pod, warning: bool, reason: &str, note: String) {
        let event = Event {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(note),
            action: reason.to_owned(),
            secondary: None,
        };
        let reference: ObjectReference = pod.object_ref(&());
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::debug!(%error, reason, "event not recorded");
        }
    }
}
