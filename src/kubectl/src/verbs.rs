//! What a person's verb comes to: one change of one object, nothing, or a refusal that names the way out.
//!
//! All of it is pure. The fields are those of `genesis-api`; nothing here writes a status.

mod abort;
mod hold;
mod promote;
mod retry;
mod rollback;

pub use abort::abort;
pub use hold::{Holdable, hold_model, hold_rollout, hold_work};
pub use promote::{approve, promote};
pub use retry::{again_evaluation, again_rollout, again_run, improve};
pub use rollback::{roll_back, unpin};

use anyhow::{Result, bail};
use genesis_api::GenesisModel;
use kube::ResourceExt;
use serde_json::Value;

/// One change. The words say what comes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A merge patch of the object.
    Patch(Value, String),
    /// A new object of the same kind.
    Create(Box<Value>, String),
    /// It is so already.
    Nothing(String),
}

/// Refuses what the model's pin would undo at once.
fn heed_pin(model: Option<&GenesisModel>, digest: &genesis_core::Digest) -> Result<()> {
    let Some(model) = model else { return Ok(()) };
    if let Some(pinned) = model.spec.pinned_adapter.as_ref().filter(|pinned| pinned.digest != *digest) {
        let (name, pinned) = (model.name_any(), pinned.digest.short());
        bail!(
            "GenesisModel {name} pins the adapter {pinned}, which ends every other rollout; run `kubectl genesis rollback {name} --unpin` first"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
