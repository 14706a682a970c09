use std::collections::{BTreeMap, BTreeSet};

use genesis_api::evaluation::EvaluationPhase;
use genesis_api::genesis_model::{PromotionPolicy, TurnOutcome};
use genesis_api::names::APPROVED_ANNOTATION;
use genesis_api::rollout::CompletionStatus;
use genesis_api::training_run::TrainingPhase;
use genesis_api::{AdapterReference, Evaluation, Rollout, TrainingRun};
use genesis_core::promotion::Verdict;
use kube::ResourceExt;

use super::{Champion, Child, Ending};
use crate::apply::is_owned_by;
use crate::model::children::revision_of;
use crate::model::observe::Observed;

/// One turn of the loop: the children that carry its number. The furthest one says how far it is.
#[derive(Clone, Debug)]
pub(crate) struct Turn<'a> {
    /// Its number.
    pub(crate) revision: i64,
    /// Whether a candidate that passes needs no person's approval.
    pub(crate) automatic: bool,
    /// Its training.
    pub(crate) run: Option<&'a TrainingRun>,
    /// Its judgement.
    pub(crate) evaluation: Option<&'a Evaluation>,
    /// Its canary.
    pub(crate) rollout: Option<&'a Rollout>,
}

/// How far a turn is.
#[derive(Clone, Debug)]
pub(crate) enum Stage<'a> {
    /// Its TrainingRun is at work.
    Training(&'a TrainingRun),
    /// There is a candidate, and nobody judges it yet.
    Trained(AdapterReference),
    /// Its Evaluation is at work.
    Evaluating(&'a Evaluation),
    /// The candidate passed.
    Passed {
        /// Where.
        evaluation: &'a Evaluation,
        /// It may go live.
        approved: bool,
    },
    /// Its Rollout is at work.
    RollingOut(&'a Rollout),
    /// It has ended.
    Over,
}

/// The turns that are not in the history yet, the oldest first. Only children of this model's own count: what a
/// person created alone is no turn of the loop.
pub(super) fn open(observed: &Observed) -> Vec<Turn<'_>> {
    let uid = observed.model.metadata.uid.as_deref();
    let history = observed.model.status.as_ref().map(|status| status.history.as_slice()).unwrap_or_default();
    let closed: BTreeSet<i64> = history.iter().map(|entry| entry.revision).collect();
    let automatic = observed.model.spec.promotion_policy == PromotionPolicy::Automatic;
    let mut turns: BTreeMap<i64, Turn<'_>> = BTreeMap::new();
    let blank = |revision| Turn { revision, automatic, run: None, evaluation: None, rollout: None };
    for (run, revision) in numbered(&observed.runs, uid) {
        turns.entry(revision).or_insert_with(|| blank(revision)).run = Some(run);
    }
    for (evaluation, revision) in numbered(&observed.evaluations, uid) {
        turns.entry(revision).or_insert_with(|| blank(revision)).evaluation = Some(evaluation);
    }
    for (rollout, revision) in numbered(&observed.rollouts, uid) {
        turns.entry(revision).or_insert_with(|| blank(revision)).rollout = Some(rollout);
    }
    turns.into_values().filter(|turn| !closed.contains(&turn.revision)).collect()
}

/// The children among `objects` that carry a number.
pub(super) fn numbered<'a, K: ResourceExt>(
    objects: &'a [K],
    uid: Option<&'a str>,
) -> impl Iterator<Item = (&'a K, i64)> {
    objects
        .iter()
        .filter(move |object| is_owned_by(*object, uid))
        .filter_map(|object| Some((object, revision_of(object)?)))
}

impl<'a> Turn<'a> {
    /// How far it is.
    pub(crate) fn stage(&self) -> Stage<'a> {
        if let Some(rollout) = self.rollout {
            return if rollout.is_finished() { Stage::Over } else { Stage::RollingOut(rollout) };
        }
        if let Some(evaluation) = self.evaluation {
            return self.judged(evaluation);
        }
        match self.run {
            Some(run) if !run.is_finished() => Stage::Training(run),
            Some(_) => self.trained().map_or(Stage::Over, Stage::Trained),
            None => Stage::Over,
        }
    }

    fn judged(&self, evaluation: &'a Evaluation) -> Stage<'a> {
        let status = evaluation.status.as_ref();
        if !evaluation.is_finished() {
            return Stage::Evaluating(evaluation);
        }
        // Only a verdict of Pass goes on: not a failed job, not too little evidence.
        let passed = status
            .is_some_and(|status| status.phase == EvaluationPhase::Complete && status.verdict == Some(Verdict::Pass));
        let approved =
            self.automatic || evaluation.annotations().get(APPROVED_ANNOTATION).is_some_and(|value| value == "true");
        if passed { Stage::Passed { evaluation, approved } } else { Stage::Over }
    }

    /// The adapter that its TrainingRun made.
    fn trained(&self) -> Option<AdapterReference> {
        let status = self.run?.status.as_ref()?;
        let adapter = status.adapter.as_ref().filter(|_| status.phase == TrainingPhase::Complete)?;
        Some(adapter.adapter.clone())
    }

    /// The adapter it is about, where there is one yet.
    pub(crate) fn candidate(&self) -> Option<AdapterReference> {
        let rollout = self.rollout.map(|rollout| rollout.spec.candidate.clone());
        let evaluation = || self.evaluation.map(|evaluation| evaluation.spec.candidate.clone());
        rollout.or_else(evaluation).or_else(|| self.trained())
    }

    /// How it ended, if it has.
    pub(super) fn ending(&self, champion: &Champion) -> Option<Ending> {
        let (outcome, message) = match self.stage() {
            Stage::Over => self.outcome(),
            // It was judged against a champion that is none any more: its verdict says nothing now.
            Stage::Passed { evaluation, .. } if is_stale(evaluation, champion) => {
                (TurnOutcome::Withdrawn, "another adapter became the champion after it was evaluated".to_owned())
            }
            _ => return None,
        };
        Some(Ending { outcome, message, adapter: self.candidate() })
    }

    fn outcome(&self) -> (TurnOutcome, String) {
        if let Some(status) = self.rollout.and_then(|rollout| rollout.status.as_ref()) {
            let outcome = match status.completion_status {
                Some(CompletionStatus::Promoted) => TurnOutcome::Promoted,
                Some(CompletionStatus::RolledBack) => TurnOutcome::RolledBack,
                Some(CompletionStatus::Aborted | CompletionStatus::Superseded) | None => TurnOutcome::Withdrawn,
            };
            return (outcome, status.message.clone());
        }
        if let Some(status) = self.evaluation.and_then(|evaluation| evaluation.status.as_ref()) {
            let judged = status.phase == EvaluationPhase::Complete;
            return (if judged { TurnOutcome::Rejected } else { TurnOutcome::Failed }, status.message.clone());
        }
        let message = self.run.and_then(|run| run.status.as_ref()).map(|status| status.message.clone());
        (TurnOutcome::Failed, message.unwrap_or_else(|| "its objects were deleted".to_owned()))
    }

    /// The child at work, with whether it is held.
    pub(super) fn at_work(&self) -> Option<(Child, String, &'a BTreeMap<String, String>, bool)> {
        match self.stage() {
            Stage::Training(run) => Some((Child::TrainingRun, run.name_any(), run.annotations(), run.spec.suspend)),
            Stage::Evaluating(evaluation) => {
                Some((Child::Evaluation, evaluation.name_any(), evaluation.annotations(), evaluation.spec.suspend))
            }
            Stage::RollingOut(rollout) => {
                Some((Child::Rollout, rollout.name_any(), rollout.annotations(), rollout.spec.paused))
            }
            Stage::Trained(_) | Stage::Passed { .. } | Stage::Over => None,
        }
    }
}

fn is_stale(evaluation: &Evaluation, champion: &Champion) -> bool {
    let judged_against = evaluation.spec.baseline.as_ref().map(|baseline| &baseline.digest);
    judged_against != champion.reference().map(|current| &current.digest)
}
