use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use genesis_artifacts::Store;
use genesis_client::{Error, ServedModel};
use genesis_core::adapter::{PROOF_FILE, Proof};
use genesis_core::{AdapterRef, Digest};
use genesis_operator::ports::Inference;

/// Servers that load adapters and answer with the trainer's own numbers.
#[derive(Default)]
pub struct PlayedInference {
    loaded: Mutex<BTreeMap<(String, String), AdapterRef>>,
}

impl PlayedInference {
    /// Whether some server has this adapter under this name.
    pub fn has(&self, name: &str, digest: &Digest) -> bool {
        self.loaded.lock().unwrap().iter().any(|((_, loaded), adapter)| loaded == name && adapter.digest == *digest)
    }

    /// All servers lose what they have loaded.
    pub fn forget(&self) {
        self.loaded.lock().unwrap().clear();
    }
}

#[async_trait]
impl Inference for PlayedInference {
    async fn models(&self, address: &str) -> Result<Vec<ServedModel>, Error> {
        let base = ServedModel { id: "coder".into(), parent: None, digest: None };
        let loaded = self.loaded.lock().unwrap();
        let adapters = loaded.iter().filter(|((at, _), _)| at == address).map(|((_, name), adapter)| ServedModel {
            id: name.clone(),
            parent: Some("coder".into()),
            digest: Some(adapter.digest.clone()),
        });
        Ok([base].into_iter().chain(adapters).collect())
    }

    async fn load(&self, address: &str, name: &str, adapter: &AdapterRef) -> Result<(), Error> {
        self.loaded.lock().unwrap().insert((address.into(), name.into()), adapter.clone());
        Ok(())
    }

    async fn unload(&self, address: &str, name: &str) -> Result<(), Error> {
        self.loaded.lock().unwrap().remove(&(address.into(), name.into()));
        Ok(())
    }

    async fn score(&self, address: &str, name: &str, text: &str) -> Result<Vec<f64>, Error> {
        let adapter = self.loaded.lock().unwrap().get(&(address.to_owned(), name.to_owned())).cloned().unwrap();
        let folder = Store::verify_directory(&adapter.uri, &adapter.digest).unwrap();
        let proof: Proof = serde_json::from_slice(&std::fs::read(folder.join(PROOF_FILE)).unwrap()).unwrap();
        Ok(proof.entries.into_iter().find(|entry| entry.text == text).unwrap().adapter)
    }
}
