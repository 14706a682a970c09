//! Which replica serves which adapter, and whether that is proved.

mod memory;
mod observe;
mod proof;

pub use memory::ReplicaMemory;
pub use observe::{observe, observe_again, ready_addresses};

use std::collections::BTreeMap;

use genesis_core::{AdapterRef, Digest};

/// A ready serving pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replica {
    /// Name of the pod.
    pub pod: String,
    /// Its uid with the number of its restarts: what was proved of another process counts for nothing.
    pub incarnation: String,
    /// Its address.
    pub address: String,
    /// What stands in the way of asking it; empty where it answers.
    pub unreachable: String,
    /// The adapters it has loaded, by served name.
    pub loaded: BTreeMap<String, Option<Digest>>,
    /// How the adapters stand that were asked for, by served name.
    pub wanted: BTreeMap<String, AdapterState>,
}

/// How an adapter stands on a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterState {
    /// Not loaded.
    Missing,
    /// Not loaded: the server refused it a moment ago.
    Refused(String),
    /// Loaded, but nothing could be proved yet.
    Unproved(String),
    /// Loaded, and not what was trained.
    Disproved(String),
    /// Loaded; its digest is right, and its log-probabilities equal the trainer's and differ from the base's.
    Proved,
}

impl Replica {
    /// How an adapter stands.
    pub fn state(&self, name: &str) -> &AdapterState {
        self.wanted.get(name).unwrap_or(&AdapterState::Missing)
    }

    /// Whether an adapter is proved.
    pub fn has_proved(&self, name: &str) -> bool {
        *self.state(name) == AdapterState::Proved
    }
}

/// How an adapter stands on all ready replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No replica is ready.
    NoReplica,
    /// Proved on every ready replica.
    ProvedOnAll,
    /// Not yet; in words.
    Underway(String),
    /// A replica serves something else under its name; in words.
    Disproved(String),
}

/// Sums an adapter's states up. The worst one counts.
pub fn standing(replicas: &[Replica], name: &str) -> Standing {
    if replicas.is_empty() {
        return Standing::NoReplica;
    }
    let mut underway = None;
    for replica in replicas {
        let words = match replica.state(name) {
            AdapterState::Proved => continue,
            AdapterState::Disproved(why) => return Standing::Disproved(format!("{}: {why}", replica.pod)),
            AdapterState::Missing if !replica.unreachable.is_empty() => {
                format!("{}: {}", replica.pod, replica.unreachable)
            }
            AdapterState::Missing => format!("{}: not loaded yet", replica.pod),
            AdapterState::Refused(why) => format!("{}: refused: {why}", replica.pod),
            AdapterState::Unproved(why) => format!("{}: not proved yet: {why}", replica.pod),
        };
        underway.get_or_insert(words);
    }
    underway.map_or(Standing::ProvedOnAll, Standing::Underway)
}

/// The message of a replica that refuses an adapter, where one does.
pub fn refusal(replicas: &[Replica], name: &str) -> Option<String> {
    replicas.iter().find_map(|replica| match replica.state(name) {
        AdapterState::Refused(why) => Some(format!("{}: {why}", replica.pod)),
        _ => None,
    })
}

/// A change to what a replica has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterChange {
    /// Load it.
    Load {
        /// Where.
        address: String,
        /// Which process there.
        incarnation: String,
        /// Under which name.
        name: String,
        /// What.
        adapter: AdapterRef,
    },
    /// Unload it.
    Unload {
        /// Where.
        address: String,
        /// Under which name.
        name: String,
    },
}

/// Loads an adapter wherever it is missing.
pub fn load_where_missing(replicas: &[Replica], served_model: &str, adapter: &AdapterRef) -> Vec<AdapterChange> {
    let name = adapter.served_name(served_model);
    let missing = |replica: &&Replica| *replica.state(&name) == AdapterState::Missing && replica.unreachable.is_empty();
    replicas
        .iter()
        .filter(missing)
        .map(|replica| AdapterChange::Load {
            address: replica.address.clone(),
            incarnation: replica.incarnation.clone(),
            name: name.clone(),
            adapter: adapter.clone(),
        })
        .collect()
}
