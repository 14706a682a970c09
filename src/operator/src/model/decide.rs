//! What to do about a model. Pure: the same state at the same time gives the same plan.

mod adapters;
mod champion;
pub(super) mod history;
mod start;
mod turns;

use genesis_api::conditions::{ConditionType, find};
use genesis_api::genesis_model::{GenesisModelStatus, TurnOutcome};
use genesis_api::names::HELD_ANNOTATION;
use genesis_api::{AdapterReference, Evaluation, Rollout, TrainingRun};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use serde::Serialize;

use super::observe::Observed;
use super::{children, status, workloads};
use crate::apply::{is_within, stamped};
use crate::plan::{Notice, Plan};
use crate::record::{self, Record};
use crate::serving::AdapterChange;

pub(crate) use champion::{Champion, decide as champion};
pub(crate) use start::{LoopState, Numbers};
pub(crate) use turns::{Stage, Turn};

/// A plan for a model.
pub type ModelPlan = Plan<GenesisModelStatus, ModelAction>;

/// What can be done for a model.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelAction {
    /// Make a Deployment as it should be.
    ApplyDeployment(Box<Deployment>),
    /// Make the Service as it should be.
    ApplyService(Box<Service>),
    /// Load or unload an adapter.
    Adapter(AdapterChange),
    /// Tell the ledger of a pin.
    Record(Record),
    /// Begin a turn.
    CreateRun(Box<TrainingRun>),
    /// Judge its candidate.
    CreateEvaluation(Box<Evaluation>),
    /// Bring a candidate that passed live.
    CreateRollout(Box<Rollout>),
    /// Hold a child, or let it go on.
    Hold {
        /// Its kind.
        child: Child,
        /// Its name.
        name: String,
        /// Hold it.
        held: bool,
    },
    /// Delete a child of a turn that is long over.
    Delete {
        /// Its kind.
        child: Child,
        /// Its name.
        name: String,
    },
}

/// The kinds of children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Child {
    /// A TrainingRun.
    TrainingRun,
    /// An Evaluation.
    Evaluation,
    /// A Rollout.
    Rollout,
}

/// 1. The workloads are as the spec says, whatever the loop does.
/// 2. The champion is the pinned adapter, or the one that a Rollout has brought to all traffic.
/// 3. Turns that have ended go into the history; the others take their next step, unless the loop is held.
/// 4. If no turn is under way, the triggers say whether a new one begins.
/// 5. Every replica has what it must have, and nothing that nobody needs any more.
/// 6. Children of turns that are long over go.
pub fn decide(observed: &Observed, now: Timestamp) -> ModelPlan {
    let mut actions = workload_actions(observed);
    let champion = champion::decide(observed, now);
    let mut notices = champion.notices.clone();

    let turns = turns::open(observed);
    let (over, under_way): (Vec<Turn>, Vec<Turn>) =
        turns.into_iter().partition(|turn| turn.ending(&champion).is_some());
    actions.extend(newly_pinned(observed, &champion).map(ModelAction::Record));
    let history = history::close(observed, &champion, &over, now);
    notices.extend(history.notices.iter().cloned());

    let held = observed.model.spec.suspend || observed.model.spec.pinned_adapter.is_some();
    actions.extend(under_way.iter().filter_map(|turn| hold(turn, held)));
    if !held {
        actions.extend(under_way.iter().filter_map(|turn| next_step(observed, &champion, turn)));
    }
    let loop_state = start::decide(observed, &under_way, &history, now);
    if let LoopState::Start { revision, trigger, .. } = &loop_state {
        actions.push(ModelAction::CreateRun(Box::new(children::training_run(&observed.model, *revision, trigger))));
    }

    actions.extend(adapters::changes(observed, &champion, &under_way, now).into_iter().map(ModelAction::Adapter));
    actions.extend(history::expired(observed, &history));

    let status = status::next(observed, &champion, &under_way, &history, &loop_state, now);
    Plan { actions, status, notices, look_again: Some(observed.settings.poll) }
}

/// What the ledger is told of a pin that takes all traffic: once, and again while some write was refused.
fn newly_pinned(observed: &Observed, champion: &Champion) -> Option<Record> {
    let model = &observed.model;
    let pinned = model.spec.pinned_adapter.as_ref().filter(|pinned| champion.is(pinned))?;
    let status = model.status.as_ref()?;
    let before = status.current_adapter.as_ref().map(|current| &current.adapter);
    let new = before.is_none_or(|before| before.digest != pinned.digest);
    let refused = find(&status.conditions, ConditionType::Stalled).is_some();
    let previous = champion.previous.as_ref().map(|previous| &previous.adapter);
    (new || refused).then(|| record::of_pin(model, pinned, previous))
}

fn workload_actions(observed: &Observed) -> Vec<ModelAction> {
    let (model, settings) = (&observed.model, &observed.settings);
    let serving = stamped(workloads::serving(model, settings));
    let sandbox = stamped(workloads::sandbox(model, settings));
    let service = stamped(workloads::service(model));
    let mut actions = Vec::new();
    if differs(&serving, observed.serving.as_ref()) {
        actions.push(ModelAction::ApplyDeployment(Box::new(serving)));
    }
    if differs(&service, observed.service.as_ref()) {
        actions.push(ModelAction::ApplyService(Box::new(service)));
    }
    if differs(&sandbox, observed.sandbox.as_ref()) {
        actions.push(ModelAction::ApplyDeployment(Box::new(sandbox)));
    }
    actions
}

fn differs<K: Serialize>(desired: &K, found: Option<&K>) -> bool {
    let json = |object: &K| serde_json::to_value(object).unwrap_or_default();
    found.is_none_or(|found| !is_within(&json(desired), &json(found)))
}

/// What brings a turn on: its Evaluation once it is trained, its Rollout once it has passed.
fn next_step(observed: &Observed, champion: &Champion, turn: &Turn<'_>) -> Option<ModelAction> {
    match turn.stage() {
        Stage::Trained(candidate) => {
            let baseline = champion.reference();
            let evaluation = children::evaluation(&observed.model, turn.revision, baseline, &candidate);
            Some(ModelAction::CreateEvaluation(Box::new(evaluation)))
        }
        Stage::Passed { evaluation, approved: true } => {
            let rollout = children::rollout(&observed.model, turn.revision, evaluation);
            Some(ModelAction::CreateRollout(Box::new(rollout)))
        }
        _ => None,
    }
}

/// Holds what is at work when the loop is held, and lets go on what was held for that.
fn hold(turn: &Turn<'_>, held: bool) -> Option<ModelAction> {
    let (child, name, annotations, holding) = turn.at_work()?;
    let ours = annotations.contains_key(HELD_ANNOTATION);
    let change = if held { !holding } else { ours };
    change.then_some(ModelAction::Hold { child, name, held })
}

/// What people should hear of something that was created.
pub(super) fn created(action: &ModelAction) -> Option<Notice> {
    match action {
        ModelAction::CreateRun(run) => {
            let trigger = run.spec.trigger.as_deref().unwrap_or_default();
            let name = run.metadata.name.as_deref().unwrap_or_default();
            Some(Notice::normal("TrainingTriggered", format!("TrainingRun {name}: {trigger}")))
        }
        ModelAction::CreateEvaluation(evaluation) => {
            let name = evaluation.metadata.name.as_deref().unwrap_or_default();
            let candidate = evaluation.spec.candidate.digest.short();
            Some(Notice::normal("EvaluationCreated", format!("Evaluation {name} judges {candidate}")))
        }
        ModelAction::CreateRollout(rollout) => {
            let name = rollout.metadata.name.as_deref().unwrap_or_default();
            Some(Notice::normal(
                "RolloutCreated",
                format!("Rollout {name} brings {} live", rollout.spec.candidate.digest.short()),
            ))
        }
        _ => None,
    }
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ending {
    pub(super) outcome: TurnOutcome,
    pub(super) message: String,
    pub(super) adapter: Option<AdapterReference>,
}

#[cfg(test)]
mod tests;
