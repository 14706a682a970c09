//! Inference servers that answer with the trainer's own numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use genesis_artifacts::Store;
use genesis_client::{Error, ServedModel};
use genesis_core::adapter::{PROOF_FILE, Proof};
use genesis_core::{AdapterRef, Digest};
use genesis_operator::ports::Inference;

use super::{lock, not_now};

const WHAT: &str = "the played inference server";

/// All servers, by the address of their pod.
#[derive(Default)]
pub struct PlayedInference {
    loaded: Mutex<BTreeMap<(String, String), AdapterRef>>,
}

impl PlayedInference {
    /// Whether some server has this adapter under this name.
    pub fn has(&self, name: &str, digest: &Digest) -> bool {
        self.loaded().contains(&(name.to_owned(), digest.clone()))
    }

    /// Names and digests that some server has loaded.
    pub fn loaded(&self) -> BTreeSet<(String, Digest)> {
        let loaded = lock(&self.loaded);
        loaded.iter().map(|((_, name), adapter)| (name.clone(), adapter.digest.clone())).collect()
    }

    /// All servers lose what they have loaded, as when their pods start again.
    pub fn forget(&self) {
        lock(&self.loaded).clear();
    }

    fn proof(&self, address: &str, name: &str) -> Result<Proof, Error> {
        let key = (address.to_owned(), name.to_owned());
        let adapter = lock(&self.loaded).get(&key).cloned().ok_or_else(|| not_now(WHAT, "not loaded"))?;
        let folder = Store::verify_directory(&adapter.uri, &adapter.digest).map_err(|error| not_now(WHAT, error))?;
        let bytes = std::fs::read(folder.join(PROOF_FILE)).map_err(|error| not_now(WHAT, error))?;
        serde_json::from_slice(&bytes).map_err(|error| not_now(WHAT, error))
    }
}

#[async_trait]
impl Inference for PlayedInference {
    async fn models(&self, address: &str) -> Result<Vec<ServedModel>, Error> {
        let base = ServedModel { id: "coder".into(), parent: None, digest: None };
        let loaded = lock(&self.loaded);
        let adapters = loaded.iter().filter(|((at, _), _)| at == address).map(|((_, name), adapter)| ServedModel {
            id: name.clone(),
            parent: Some("coder".into()),
            digest: Some(adapter.digest.clone()),
        });
        Ok([base].into_iter().chain(adapters).collect())
    }

    async fn load(&self, address: &str, name: &str, adapter: &AdapterRef) -> Result<(), Error> {
        lock(&self.loaded).insert((address.into(), name.into()), adapter.clone());
        Ok(())
    }

    async fn unload(&self, address: &str, name: &str) -> Result<(), Error> {
        lock(&self.loaded).remove(&(address.into(), name.into()));
        Ok(())
    }

    async fn score(&self, address: &str, name: &str, text: &str) -> Result<Vec<f64>, Error> {
        let entry = self.proof(address, name)?.entries.into_iter().find(|entry| entry.text == text);
        entry.map(|entry| entry.adapter).ok_or_else(|| not_now(WHAT, "another text"))
    }
}
