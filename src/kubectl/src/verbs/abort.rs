use anyhow::{Result, bail};
use genesis_api::Rollout;
use genesis_api::rollout::{CompletionStatus, DesiredOutcome};
use kube::ResourceExt;
use serde_json::json;

use super::Change;

/// Gives all traffic back to the stable. It cannot be taken back, and comes too late once the steps are done.
pub fn abort(rollout: &Rollout) -> Result<Change> {
    let (name, model) = (rollout.name_any(), &rollout.spec.model_ref.name);
    let status = rollout.status.clone().unwrap_or_default();
    match status.completion_status.or(status.ending_as) {
        Some(CompletionStatus::Promoted) => bail!(
            "Rollout {name} has done its steps: its candidate takes all traffic; run `kubectl genesis rollback {model}` to bring the adapter before it back"
        ),
        Some(end) => return Ok(Change::Nothing(format!("Rollout {name} ends, or has ended, as {end}"))),
        None => {}
    }
    if rollout.spec.desired_outcome == DesiredOutcome::Abort {
        return Ok(Change::Nothing(format!("Rollout {name} is being aborted already")));
    }
    let patch = json!({ "spec": { "desiredOutcome": DesiredOutcome::Abort } });
    Ok(Change::Patch(patch, format!("Rollout {name} gives all traffic back to the stable")))
}
