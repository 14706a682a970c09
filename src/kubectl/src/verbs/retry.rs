//! Trying again: another turn of a model's loop, or a copy of a child that ended without what it was for.
//!
//! A spec says for ever what came of it, so a child is never begun anew: the copy is another object beside it, and
//! stands alone. The loop waits for its own children only.

use anyhow::{Result, bail};
use genesis_api::conditions::RolloutReason;
use genesis_api::evaluation::EvaluationPhase;
use genesis_api::names::{HELD_ANNOTATION, IMPROVE_ANNOTATION, REVISION_LABEL, turn_name};
use genesis_api::rollout::{CompletionStatus, DesiredOutcome};
use genesis_api::training_run::TrainingPhase;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::json;

use super::{Change, heed_pin};

/// Asks for the next turn now, whatever the triggers say.
pub fn improve(model: &GenesisModel) -> Result<Change> {
    let name = model.name_any();
    if model.spec.suspend {
        bail!("the loop of {name} is held by spec.suspend; run `kubectl genesis resume {name}` first");
    }
    if model.spec.pinned_adapter.is_some() {
        bail!("the loop of {name} is held by spec.pinnedAdapter; run `kubectl genesis rollback {name} --unpin` first");
    }
    let Some(status) = &model.status else { bail!("no operator has seen {name} yet; try again in a moment") };
    if let Some(run) = &status.active_training_run {
        return Ok(Change::Nothing(format!("TrainingRun {run} is at work already")));
    }
    if let Some(evaluation) = &status.active_evaluation {
        bail!("Evaluation {evaluation} is at work; wait for its verdict: `kubectl genesis status {name} --watch`");
    }
    match &status.learning {
        None => bail!("the operator has not heard from the gateway yet; run `kubectl genesis check`"),
        Some(learning) if learning.verified_rows == 0 => {
            bail!("nothing is verified yet, so there is nothing to train on; send tasks with tests first")
        }
        Some(_) => {}
    }
    let next = status.revision + 1;
    if model.annotations().get(IMPROVE_ANNOTATION).is_some_and(|asked| *asked == next.to_string()) {
        return Ok(Change::Nothing(format!("turn {next} of {name} is asked for already")));
    }
    let patch = json!({ "metadata": { "annotations": { IMPROVE_ANNOTATION: next.to_string() } } });
    Ok(Change::Patch(patch, format!("turn {next} of {name} is asked for: TrainingRun {}", turn_name(&name, next))))
}

/// Another TrainingRun like one that failed.
pub fn again_run(run: &TrainingRun, all: &[TrainingRun]) -> Result<Change> {
    let name = run.name_any();
    let Some(status) = run.status.as_ref().filter(|_| run.is_finished()) else {
        return Ok(Change::Nothing(format!("TrainingRun {name} has not ended; it tries again by itself")));
    };
    if status.phase == TrainingPhase::Complete {
        bail!("TrainingRun {name} ended well: {}", status.message);
    }
    let mut copy = TrainingRun { metadata: beside(run), status: None, ..run.clone() };
    copy.spec.suspend = false;
    create(&name, all, TrainingRun::is_finished, &mut copy)
}

/// Another Evaluation like one that found no verdict.
pub fn again_evaluation(evaluation: &Evaluation, all: &[Evaluation]) -> Result<Change> {
    let name = evaluation.name_any();
    let Some(status) = evaluation.status.as_ref().filter(|_| evaluation.is_finished()) else {
        return Ok(Change::Nothing(format!("Evaluation {name} has not ended; it tries again by itself")));
    };
    if status.phase == EvaluationPhase::Complete {
        bail!(
            "Evaluation {name} has a verdict, and the same seed gives the same numbers; for more evidence create one with more spec.sampling.samples or larger suites"
        );
    }
    let mut copy = Evaluation { metadata: beside(evaluation), status: None, ..evaluation.clone() };
    copy.spec.suspend = false;
    create(&name, all, Evaluation::is_finished, &mut copy)
}

/// Another Rollout of a candidate that was taken off.
pub fn again_rollout(rollout: &Rollout, all: &[Rollout], model: Option<&GenesisModel>) -> Result<Change> {
    let name = rollout.name_any();
    let Some(status) = rollout.status.as_ref().filter(|_| rollout.is_finished()) else {
        return Ok(Change::Nothing(format!("Rollout {name} has not ended")));
    };
    if status.completion_status == Some(CompletionStatus::Promoted) {
        bail!("the candidate of Rollout {name} was promoted; there is nothing to try again");
    }
    if status.ending_reason.as_deref() == Some(<&str>::from(RolloutReason::EvaluationNotPassed)) {
        bail!(
            "Rollout {name} ended because its Evaluation did not pass, and so would the next one: {}",
            status.message
        );
    }
    heed_pin(model, &rollout.spec.candidate.digest)?;
    let mut copy = Rollout { metadata: beside(rollout), status: None, ..rollout.clone() };
    (copy.spec.paused, copy.spec.desired_outcome) = (false, DesiredOutcome::Auto);
    create(&name, all, Rollout::is_finished, &mut copy)
}

/// The next free name. An earlier copy that is still at work makes another one needless.
fn create<K: Resource<DynamicType = ()> + Serialize>(
    name: &str,
    all: &[K],
    ended: fn(&K) -> bool,
    copy: &mut K,
) -> Result<Change> {
    let stem = format!("{name}-retry-");
    let earlier = |object: &&K| object.name_any().strip_prefix(&stem).is_some_and(|rest| rest.parse::<u32>().is_ok());
    if let Some(busy) = all.iter().filter(earlier).find(|object| !ended(object)) {
        return Ok(Change::Nothing(format!("{} {} is at work already", K::kind(&()), busy.name_any())));
    }
    let numbers = all.iter().filter_map(|object| object.name_any().strip_prefix(&stem)?.parse::<u32>().ok());
    let fresh = format!("{stem}{}", numbers.max().unwrap_or(0).saturating_add(1));
    copy.meta_mut().name = Some(fresh.clone());
    let words =
        format!("{} {fresh} is created like {name}; it stands alone, the loop does not wait for it", K::kind(&()));
    Ok(Change::Create(Box::new(serde_json::to_value(&*copy)?), words))
}

/// Labels and annotations of the original without what makes it a part of a turn.
fn beside(object: &impl ResourceExt) -> ObjectMeta {
    let mut labels = object.labels().clone();
    labels.remove(REVISION_LABEL);
    let mut annotations = object.annotations().clone();
    annotations.retain(|name, _| name != HELD_ANNOTATION && !name.starts_with("kubectl.kubernetes.io/"));
    ObjectMeta {
        namespace: object.namespace(),
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}
