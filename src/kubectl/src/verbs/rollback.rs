use anyhow::{Result, bail};
use genesis_api::genesis_model::{GenesisModelStatus, TurnOutcome};
use genesis_api::{AdapterReference, GenesisModel};
use kube::ResourceExt;
use serde_json::json;

use super::Change;

/// Pins the champion before this one, or the one of a turn. The loop is held until it is unpinned.
pub fn roll_back(model: &GenesisModel, to: Option<i64>) -> Result<Change> {
    let name = model.name_any();
    let status = model.status.clone().unwrap_or_default();
    let pinned = model.spec.pinned_adapter.as_ref();
    let adapter = match (to, pinned) {
        (Some(revision), _) => of_revision(&name, &status, revision)?,
        // After a rollback the one before is what was rolled back: a second call must not bring it live again.
        (None, Some(pinned)) => {
            let short = pinned.digest.short();
            return Ok(Change::Nothing(format!(
                "{name} pins the adapter {short} already; --to REVISION pins another one, --unpin lets the loop go on"
            )));
        }
        (None, None) => previous(&name, &status)?,
    };
    let short = adapter.digest.short();
    if pinned.is_some_and(|pinned| pinned.digest == adapter.digest) {
        return Ok(Change::Nothing(format!("{name} pins the adapter {short} already")));
    }
    let patch = json!({ "spec": { "pinnedAdapter": adapter } });
    let words = format!(
        "{name} goes back to the adapter {short} once every replica has proved it; the loop is held until `kubectl genesis rollback {name} --unpin`"
    );
    Ok(Change::Patch(patch, words))
}

/// Takes the pin away. The champion stays, and the loop goes on from it.
pub fn unpin(model: &GenesisModel) -> Change {
    let name = model.name_any();
    if model.spec.pinned_adapter.is_none() {
        return Change::Nothing(format!("{name} pins no adapter"));
    }
    let rest = if model.spec.suspend { "spec.suspend still holds the loop" } else { "the loop goes on from it" };
    Change::Patch(
        json!({ "spec": { "pinnedAdapter": null } }),
        format!("{name} pins no adapter any more: its champion stays, and {rest}"),
    )
}

fn previous(name: &str, status: &GenesisModelStatus) -> Result<AdapterReference> {
    match &status.previous_adapter {
        Some(previous) => Ok(previous.adapter.clone()),
        None if status.current_adapter.is_none() => {
            bail!("{name} has no adapter: the base answers, and there is nothing before it")
        }
        None => bail!(
            "before its champion {name} had no adapter, and the base cannot be pinned; --to REVISION names a promoted turn: {}",
            promoted(status)
        ),
    }
}

fn of_revision(name: &str, status: &GenesisModelStatus, revision: i64) -> Result<AdapterReference> {
    let Some(entry) = status.history.iter().find(|entry| entry.revision == revision) else {
        bail!("{name} remembers no turn {revision}; promoted turns: {}", promoted(status));
    };
    match (&entry.adapter, entry.outcome) {
        (Some(adapter), TurnOutcome::Promoted) => Ok(adapter.clone()),
        _ => bail!(
            "turn {revision} of {name} was not promoted ({}); promoted turns: {}",
            entry.outcome,
            promoted(status)
        ),
    }
}

fn promoted(status: &GenesisModelStatus) -> String {
    let promoted = status.history.iter().filter(|entry| entry.outcome == TurnOutcome::Promoted);
    let numbers: Vec<String> = promoted.map(|entry| entry.revision.to_string()).collect();
    if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
}
