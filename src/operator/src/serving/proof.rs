use std::sync::Arc;

use genesis_artifacts::Store;
use genesis_core::AdapterRef;
use genesis_core::adapter::{PROOF_FILE, Proof};

use super::AdapterState;
use crate::context::Context;

/// Largest difference between a served log-probability and the trainer's, nats.
const TOLERANCE: f64 = 1e-3;

/// Compares what a replica answers with what the trainer recorded.
pub(super) async fn prove(ctx: &Context, address: &str, name: &str, adapter: &AdapterRef) -> AdapterState {
    let proof = match proof_of(ctx, adapter).await {
        Ok(proof) => proof,
        Err(why) => return AdapterState::Unproved(why),
    };
    let mut served = Vec::with_capacity(proof.entries.len());
    for entry in &proof.entries {
        match ctx.inference.score(address, name, &entry.text).await {
            Ok(log_probabilities) => served.push(log_probabilities),
            Err(error) => return AdapterState::Unproved(error.to_string()),
        }
    }
    match proof.check(&served, TOLERANCE) {
        Ok(()) => AdapterState::Proved,
        Err(error) => AdapterState::Disproved(error.to_string()),
    }
}

/// Reads the proof from the adapter's directory, once the directory is known to be what its digest says.
async fn proof_of(ctx: &Context, adapter: &AdapterRef) -> Result<Arc<Proof>, String> {
    if let Some(proof) = ctx.memory.proof(&adapter.digest) {
        return Ok(proof);
    }
    let AdapterRef { uri, digest } = adapter.clone();
    let read = move || {
        let folder = Store::verify_directory(&uri, &digest).map_err(|error| error.to_string())?;
        let path = folder.join(PROOF_FILE);
        let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_slice::<Proof>(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let proof = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())??;
    let proof = Arc::new(proof);
    ctx.memory.keep_proof(&adapter.digest, &proof);
    Ok(proof)
}
