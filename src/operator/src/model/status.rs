//! What is written down about a model.

use genesis_api::conditions::{ConditionType, Conditions, ModelReason, find};
use genesis_api::genesis_model::{CurrentAdapter, GenesisModelStatus, LastEvaluation, LearningStatus};
use genesis_api::training_run::TrainingPhase;
use genesis_api::{Decimal, GenesisModel};
use jiff::Timestamp;
use kube::ResourceExt;

use super::act::Acted;
use super::decide::history::History;
use super::decide::{Champion, LoopState, Numbers, Stage, Turn};
use super::observe::{Learning, Observed};
use crate::apply::is_owned_by;
use crate::plan::shortened;
use crate::serving::{Standing, refusal, standing};

/// The next status.
pub(super) fn next(
    observed: &Observed,
    champion: &Champion,
    under_way: &[Turn<'_>],
    history: &History,
    loop_state: &LoopState,
    now: Timestamp,
) -> GenesisModelStatus {
    let model = &observed.model;
    let mut status = model.status.clone().unwrap_or_default();
    status.observed_generation = model.metadata.generation;
    status.current_adapter.clone_from(&champion.current);
    status.previous_adapter.clone_from(&champion.previous);
    status.history.clone_from(&history.entries);
    status.consecutive_rejections = history.consecutive_rejections;
    status.rejections_generation = history.rejections_generation;
    status.last_training_time = history.last_training_time;
    status.watermark = watermark(observed, status.watermark);
    status.learning = learning(&observed.learning).or(status.learning);
    status.last_evaluation = last_evaluation(observed).or(status.last_evaluation);
    status.revision = Numbers::from(observed).newest();
    under_way_fields(&mut status, under_way, &model.spec.served_model_name);
    if let LoopState::Start { revision, requested, .. } = loop_state {
        status.revision = *revision;
        status.active_training_run = Some(genesis_api::names::turn_name(&model.name_any(), *revision));
        if *requested {
            status.consecutive_rejections = 0;
        }
    }
    replica_counts(&mut status, observed, champion);
    conditions(&mut status, observed, champion, loop_state, now);
    status
}

/// Says what of the plan could not be written; it is tried again. A turn that did not begin is not written down as
/// begun: its number would be given out, and nobody would train it.
pub(super) fn note_failures(status: &mut GenesisModelStatus, model: &GenesisModel, acted: &Acted, now: Timestamp) {
    if acted.not_begun {
        status.revision = model.status.as_ref().map_or(0, |before| before.revision);
        status.active_training_run = None;
    }
    let words: Vec<String> = acted.failures.iter().map(ToString::to_string).collect();
    let stalled = (!words.is_empty()).then(|| (ModelReason::ActFailed.into(), shortened(&words.join("; "))));
    Conditions::edit(&mut status.conditions, model.metadata.generation, now)
        .set_or_clear(ConditionType::Stalled, stalled);
}

fn under_way_fields(status: &mut GenesisModelStatus, under_way: &[Turn<'_>], served: &str) {
    (status.active_training_run, status.active_evaluation, status.active_rollout) = (None, None, None);
    status.candidate_adapter = None;
    for turn in under_way {
        match turn.stage() {
            Stage::Training(run) => status.active_training_run = Some(run.name_any()),
            Stage::Evaluating(evaluation) => status.active_evaluation = Some(evaluation.name_any()),
            Stage::RollingOut(rollout) => status.active_rollout = Some(rollout.name_any()),
            Stage::Trained(_) | Stage::Passed { .. } | Stage::Over => {}
        }
        if let Some(adapter) = turn.candidate() {
            let name = adapter.served_name(served);
            let revision = turn.revision;
            status.candidate_adapter =
                Some(CurrentAdapter { name, adapter, revision, promoted_time: None, rollout_name: None, score: None });
        }
    }
}

/// The newest learning that a completed training has seen. A failed one has used nothing up.
fn watermark(observed: &Observed, written: i64) -> i64 {
    let uid = observed.model.metadata.uid.as_deref();
    let runs = observed.runs.iter().filter(|run| is_owned_by(*run, uid)).filter_map(|run| run.status.as_ref());
    let seen = runs
        .filter(|status| status.phase == TrainingPhase::Complete)
        .filter_map(|status| status.dataset.as_ref()?.watermark);
    seen.chain([written]).max().unwrap_or(written)
}

fn learning(learning: &Learning) -> Option<LearningStatus> {
    let Learning::Known(known) = learning else { return None };
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    Some(LearningStatus {
        total: number(known.total),
        new: number(known.new),
        verified_rows: number(known.verified_rows),
        quality_average: Decimal::rounded(known.quality_average, 4),
        quality_samples: number(known.quality_samples),
        executions: number(known.executions),
    })
}

fn last_evaluation(observed: &Observed) -> Option<LastEvaluation> {
    let uid = observed.model.metadata.uid.as_deref();
    let finished =
        observed.evaluations.iter().filter(|evaluation| is_owned_by(*evaluation, uid) && evaluation.is_finished());
    let newest =
        finished.max_by_key(|evaluation| evaluation.status.as_ref().and_then(|status| status.completion_time))?;
    let status = newest.status.as_ref()?;
    Some(LastEvaluation { name: newest.name_any(), verdict: status.verdict, message: status.message.clone() })
}

fn replica_counts(status: &mut GenesisModelStatus, observed: &Observed, champion: &Champion) {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    status.replicas = observed.model.spec.serving.replicas;
    status.ready_replicas = count(observed.replicas.len());
    status.updated_replicas = count(match &champion.current {
        Some(current) => observed.replicas.iter().filter(|replica| replica.has_proved(&current.name)).count(),
        None => observed.replicas.len(),
    });
}

fn conditions(
    status: &mut GenesisModelStatus,
    observed: &Observed,
    champion: &Champion,
    loop_state: &LoopState,
    now: Timestamp,
) {
    let (ready, asked, updated) = (status.ready_replicas, status.replicas, status.updated_replicas);
    let served_before = find(&status.conditions, ConditionType::Ready).is_some_and(|condition| {
        condition.status == "True" || condition.reason == <&str>::from(ModelReason::ReplicasUnavailable)
    });
    let mut conditions = Conditions::edit(&mut status.conditions, observed.model.metadata.generation, now);

    let replicas = format!("{ready} of {asked} replicas are ready, {updated} with the current adapter");
    if updated > 0 {
        conditions.set(ConditionType::Ready, true, ModelReason::Serving, replicas.clone());
    } else if asked == 0 || (ready == 0 && served_before) {
        conditions.set(ConditionType::Ready, false, ModelReason::ReplicasUnavailable, replicas.clone());
    } else {
        conditions.set(ConditionType::Ready, false, ModelReason::Loading, replicas.clone());
    }

    let (loaded, reason, message) = adapter_loaded(observed, champion);
    conditions.set(ConditionType::AdapterLoaded, loaded, reason, message);

    let (active, reason, message) = match loop_state {
        LoopState::Start { trigger, .. } => (true, ModelReason::Training, trigger.clone()),
        LoopState::AtWork(reason, message) => (true, *reason, message.clone()),
        LoopState::Resting(reason, message) => (false, *reason, message.clone()),
    };
    conditions.set(ConditionType::LoopActive, active, reason, message);

    let lagging = ready < asked || updated < ready;
    conditions.set_or_clear(ConditionType::Reconciling, lagging.then(|| (ModelReason::Progressing.into(), replicas)));
}

fn adapter_loaded(observed: &Observed, champion: &Champion) -> (bool, ModelReason, String) {
    let Some(current) = &champion.current else {
        return (false, ModelReason::NoAdapter, "the base model answers".to_owned());
    };
    match standing(&observed.replicas, &current.name) {
        Standing::ProvedOnAll => {
            (true, ModelReason::AllReplicas, format!("{} is proved on all ready replicas", current.name))
        }
        Standing::NoReplica => (false, ModelReason::PartiallyLoaded, "no replica is ready".to_owned()),
        Standing::Disproved(why) => (false, ModelReason::LoadFailed, why),
        Standing::Underway(why) => {
            let refused = refusal(&observed.replicas, &current.name).is_some();
            (false, if refused { ModelReason::LoadFailed } else { ModelReason::PartiallyLoaded }, why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ActError;
    use crate::model::testing::{at, model};

    #[test]
    fn what_was_refused_stands_in_the_status_until_it_is_written() {
        let refused = |name: &str| ActError::NameTaken { what: "creating", kind: "K".into(), name: name.into() };
        let acted = Acted { failures: vec![refused("a"), refused("b")], not_begun: true, notices: Vec::new() };
        let mut status = GenesisModelStatus {
            revision: 3,
            active_training_run: Some("coder-r3".into()),
            ..GenesisModelStatus::default()
        };
        note_failures(&mut status, &model(), &acted, at(0));
        let stalled = find(&status.conditions, ConditionType::Stalled).unwrap().clone();
        assert_eq!((stalled.reason.as_str(), status.revision, &status.active_training_run), ("ActFailed", 0, &None));
        assert!(stalled.message.contains("K a") && stalled.message.contains("K b"), "{}", stalled.message);
        let again = status.conditions.clone();
        note_failures(&mut status, &model(), &acted, at(9));
        assert_eq!(status.conditions, again, "nothing new is written");
        note_failures(&mut status, &model(), &Acted::default(), at(10));
        assert!(find(&status.conditions, ConditionType::Stalled).is_none());
    }
}
