//! Holding and letting go on.

use anyhow::{Result, bail};
use genesis_api::conditions::{ConditionType, RolloutReason, find};
use genesis_api::names::HELD_ANNOTATION;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::Change;

/// Holds the loop of a model, or lets it go on. Serving is not touched.
pub fn hold_model(model: &GenesisModel, held: bool) -> Change {
    let name = model.name_any();
    let pinned = model.spec.pinned_adapter.is_some();
    match (model.spec.suspend == held, held) {
        (true, true) => Change::Nothing(format!("the loop of {name} is held already")),
        (true, false) if pinned => Change::Nothing(format!(
            "the loop of {name} is held by its pinned adapter, not by a pause; run `kubectl genesis rollback {name} --unpin`"
        )),
        (true, false) => Change::Nothing(format!("the loop of {name} is not held")),
        (false, true) => Change::Patch(
            json!({ "spec": { "suspend": true } }),
            format!("the loop of {name} is held with what it has under way; serving goes on"),
        ),
        (false, false) => {
            let rest = if pinned { ", but spec.pinnedAdapter still holds it" } else { "" };
            Change::Patch(json!({ "spec": { "suspend": false } }), format!("the loop of {name} goes on{rest}"))
        }
    }
}

/// Holds a rollout at its present weight, or lets it go on.
pub fn hold_rollout(rollout: &Rollout, held: bool) -> Result<Change> {
    let name = rollout.name_any();
    let status = rollout.status.clone().unwrap_or_default();
    if let Some(end) = status.completion_status.or(status.ending_as) {
        bail!("Rollout {name} ends, or has ended, as {end}: there is nothing to hold or to go on with");
    }
    let failed = find(&status.conditions, ConditionType::Paused)
        .is_some_and(|paused| paused.status == "True" && paused.reason == <&str>::from(RolloutReason::AnalysisFailed));
    if failed && !held {
        bail!(
            "Rollout {name} is held because {}; `kubectl genesis promote {name} --full` or `abort {name}` decides it",
            status.message
        );
    }
    change(rollout, &rollout.spec.model_ref.name, "paused", rollout.spec.paused, held)
}

/// A kind whose work can be held with `spec.suspend`.
pub trait Holdable: Resource<DynamicType = ()> {
    /// Whether it has ended.
    fn has_ended(&self) -> bool;
    /// Whether it is held.
    fn is_held(&self) -> bool;
    /// The model it is for.
    fn model(&self) -> &str;
}

impl Holdable for TrainingRun {
    fn has_ended(&self) -> bool {
        self.is_finished()
    }
    fn is_held(&self) -> bool {
        self.spec.suspend
    }
    fn model(&self) -> &str {
        &self.spec.model_ref.name
    }
}

impl Holdable for Evaluation {
    fn has_ended(&self) -> bool {
        self.is_finished()
    }
    fn is_held(&self) -> bool {
        self.spec.suspend
    }
    fn model(&self) -> &str {
        &self.spec.model_ref.name
    }
}

/// Holds a TrainingRun or an Evaluation, or lets it go on.
pub fn hold_work<K: Holdable>(object: &K, held: bool) -> Result<Change> {
    if object.has_ended() {
        bail!("{} {} has ended: there is nothing to hold or to go on with", K::kind(&()), object.name_any());
    }
    change(object, object.model(), "suspend", object.is_held(), held)
}

/// The operator marks what it holds for a model, and lets that go on with the model. Without the mark a hold is a person's.
fn change<K: Resource<DynamicType = ()>>(
    object: &K,
    model: &str,
    field: &str,
    is_held: bool,
    held: bool,
) -> Result<Change> {
    let who = format!("{} {}", K::kind(&()), object.name_any());
    let by_model = object.annotations().contains_key(HELD_ANNOTATION);
    Ok(match (is_held, held) {
        (true, true) if by_model => Change::Patch(
            json!({ "metadata": { "annotations": { HELD_ANNOTATION: null } } }),
            format!("{who} stays held when GenesisModel {model} goes on"),
        ),
        (true, true) => Change::Nothing(format!("{who} is held already")),
        (false, false) => Change::Nothing(format!("{who} is not held")),
        (false, true) => Change::Patch(json!({ "spec": { field: true } }), format!("{who} is held")),
        (true, false) if by_model => {
            bail!("{who} is held by GenesisModel {model}; run `kubectl genesis resume model/{model}`")
        }
        (true, false) => Change::Patch(json!({ "spec": { field: false } }), format!("{who} goes on")),
    })
}
