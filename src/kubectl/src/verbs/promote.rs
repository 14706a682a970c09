use anyhow::{Result, bail};
use genesis_api::conditions::{ConditionType, RolloutReason, find};
use genesis_api::evaluation::EvaluationPhase;
use genesis_api::names::{APPROVED_ANNOTATION, HELD_ANNOTATION};
use genesis_api::rollout::{CompletionStatus, DesiredOutcome};
use genesis_api::{Evaluation, GenesisModel, Rollout};
use genesis_core::promotion::Verdict;
use kube::ResourceExt;
use serde_json::json;

use super::{Change, heed_pin};

/// Lets a rollout that is paused go on by its steps; with `full`, skips the rest of them. Proof and Evaluation stay.
pub fn promote(rollout: &Rollout, model: Option<&GenesisModel>, full: bool) -> Result<Change> {
    let name = rollout.name_any();
    let status = rollout.status.clone().unwrap_or_default();
    match status.completion_status.or(status.ending_as) {
        Some(CompletionStatus::Promoted) => {
            return Ok(Change::Nothing(format!("Rollout {name} has done its steps already")));
        }
        Some(end) => {
            bail!(
                "Rollout {name} ends, or has ended, as {end}; run `kubectl genesis retry rollout/{name}` to roll its candidate out again"
            )
        }
        None => {}
    }
    if rollout.spec.desired_outcome == DesiredOutcome::Abort {
        bail!(
            "Rollout {name} is aborted, which cannot be taken back; run `kubectl genesis retry rollout/{name}` later"
        );
    }
    heed_pin(model, &rollout.spec.candidate.digest)?;
    if full {
        if rollout.spec.desired_outcome == DesiredOutcome::Promote {
            return Ok(Change::Nothing(format!("Rollout {name} skips the rest of its steps already")));
        }
        let patch = json!({ "spec": { "desiredOutcome": DesiredOutcome::Promote } });
        let words = format!("Rollout {name} skips the rest of its steps once the candidate is proved on every replica");
        return Ok(Change::Patch(patch, words));
    }
    let failed = find(&status.conditions, ConditionType::Paused)
        .is_some_and(|paused| paused.reason == <&str>::from(RolloutReason::AnalysisFailed) && paused.status == "True");
    if failed {
        bail!(
            "Rollout {name} is held because {}; `promote --full` brings the candidate live all the same, `abort` takes it off",
            status.message
        );
    }
    if !rollout.spec.paused {
        return Ok(Change::Nothing(format!("Rollout {name} goes by its own steps; --full skips the rest of them")));
    }
    if rollout.annotations().contains_key(HELD_ANNOTATION) {
        let model = &rollout.spec.model_ref.name;
        bail!("Rollout {name} is held by GenesisModel {model}; run `kubectl genesis resume model/{model}`");
    }
    Ok(Change::Patch(json!({ "spec": { "paused": false } }), format!("Rollout {name} goes on by its steps")))
}

/// Lets a candidate that passed go live where `promotionPolicy` is `Manual`.
pub fn approve(evaluation: &Evaluation) -> Result<Change> {
    let name = evaluation.name_any();
    let status = evaluation.status.clone().unwrap_or_default();
    if !evaluation.is_finished() {
        bail!("Evaluation {name} has no verdict yet; only a candidate that passed can be promoted");
    }
    if status.phase != EvaluationPhase::Complete || status.verdict != Some(Verdict::Pass) {
        bail!("Evaluation {name} did not pass; run `kubectl genesis explain evaluation {name}`");
    }
    if evaluation.annotations().get(APPROVED_ANNOTATION).is_some_and(|value| value == "true") {
        return Ok(Change::Nothing(format!("Evaluation {name} is approved already")));
    }
    let patch = json!({ "metadata": { "annotations": { APPROVED_ANNOTATION: "true" } } });
    Ok(Change::Patch(patch, format!("Evaluation {name} is approved: its candidate is rolled out")))
}
