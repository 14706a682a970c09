//! One reconcile: read, decide, act, write.

use std::sync::Arc;

use genesis_api::rollout::CompletionStatus;
use genesis_operator::decisions::{
    self, AdapterChange, Learning, ModelObserved, RolloutAction, RolloutObserved, Settings,
};

use super::world::{NOW, OneRollout, PINNED, Template, World, number_of};
use super::{Bug, Step};

/// What an operator is at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Task {
    /// The Rollout with this index, or the model.
    pub(super) target: Option<usize>,
    /// The object is still the one that was read.
    pub(super) current: bool,
    read: Read,
    stage: Stage,
}

/// The object as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Read {
    Model { champion: Option<usize>, previous: Option<usize>, pinned: bool },
    Rollout(OneRollout),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Read,
    Decided { loads: Option<usize>, reverts: Option<usize>, write: Write },
    Acted(Write),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Write {
    Champion(Option<usize>, Option<usize>),
    Rollout(Arc<str>),
}

impl Task {
    pub(super) fn of_model(world: &World) -> Self {
        let read = Read::Model { champion: world.champion, previous: world.previous, pinned: world.pinned };
        Self { target: None, current: true, read, stage: Stage::Read }
    }

    pub(super) fn of_rollout(world: &World, index: usize) -> Self {
        let read = Read::Rollout(world.rollouts[index].clone());
        Self { target: Some(index), current: true, read, stage: Stage::Read }
    }

    pub(super) fn next(&self, operator: usize) -> Step {
        match self.stage {
            Stage::Read => Step::Decide(operator),
            Stage::Decided { .. } => Step::Act(operator),
            Stage::Acted(_) => Step::Write(operator),
        }
    }

    /// Reads everything else as it is now, and decides.
    pub(super) fn decide(&mut self, world: &World, template: &Template) {
        let rollouts = world.rollouts.iter().enumerate().map(|(index, rollout)| template.rollout(index, rollout));
        self.stage = match &self.read {
            Read::Model { champion, previous, pinned } => {
                let observed = ModelObserved {
                    model: template.model(*champion, *previous, *pinned),
                    serving: None,
                    service: None,
                    sandbox: None,
                    replicas: vec![world.replica([PINNED])],
                    runs: Vec::new(),
                    evaluations: Vec::new(),
                    rollouts: rollouts.collect(),
                    learning: Learning::NoGateway,
                    settings: template.settings.clone(),
                };
                let (current, previous) = decisions::champion(&observed, NOW);
                let number = |adapter: Option<genesis_api::genesis_model::CurrentAdapter>| {
                    adapter.and_then(|adapter| number_of(&adapter.adapter.digest))
                };
                // The model's reconciler loads its champion and the pinned adapter wherever they are missing.
                let loads = if *pinned { Some(PINNED) } else { number(current.clone()) };
                let write = Write::Champion(number(current), number(previous));
                Stage::Decided { loads: loads.filter(|load| !world.loaded.contains(load)), reverts: None, write }
            }
            Read::Rollout(read) => {
                let index = self.target.unwrap_or(0);
                let others = rollouts.enumerate().filter(|(other, object)| *other != index && !object.is_finished());
                let observed = RolloutObserved {
                    rollout: template.rollout(index, read),
                    model: Some(template.model(world.champion, world.previous, world.pinned)),
                    others: others.map(|(_, other)| other).collect(),
                    evaluation: None,
                    replicas: vec![world.replica([index])],
                    traffic: world.traffic(),
                    settings: Arc::<Settings>::clone(&template.settings),
                };
                let plan = decisions::rollout(&observed, NOW);
                let loads = plan
                    .actions
                    .iter()
                    .any(|action| matches!(action, RolloutAction::Adapter(AdapterChange::Load { .. })));
                let reverts = plan.actions.iter().any(|action| matches!(action, RolloutAction::Revert(_)));
                let status = serde_json::to_string(&plan.status).unwrap_or_default();
                Stage::Decided {
                    loads: loads.then_some(index),
                    reverts: reverts.then_some(index),
                    write: Write::Rollout(status.into()),
                }
            }
        };
    }

    pub(super) fn act(&mut self, world: &mut World) {
        let Stage::Decided { loads, reverts, write } = self.stage.clone() else { return };
        world.loaded.extend(loads);
        world.reverted.extend(reverts);
        self.stage = Stage::Acted(write);
    }

    /// Compare and swap; the object that was changed by it.
    pub(super) fn write(self, world: &mut World, bug: Option<Bug>) -> Option<Option<usize>> {
        let Stage::Acted(write) = self.stage else { return None };
        let compares = match self.target {
            None => bug != Some(Bug::ChampionOverwritten),
            Some(_) => bug != Some(Bug::RolloutOverwritten),
        };
        if compares && !self.current {
            return None;
        }
        match (write, self.target) {
            (Write::Champion(champion, previous), _) => {
                if (champion, previous) == (world.champion, world.previous) {
                    return None;
                }
                crown(world, champion);
                (world.champion, world.previous) = (champion, previous);
                Some(None)
            }
            (Write::Rollout(status), Some(index)) => {
                let rollout = &mut world.rollouts[index];
                if rollout.status == status {
                    return None;
                }
                let ended = rollout.completion().is_some();
                rollout.status = status;
                let promoted = rollout.completion() == Some(CompletionStatus::Promoted);
                if ended {
                    world.broken = Some("a Rollout that had ended has changed");
                } else if promoted && !world.crowned.contains(&index) {
                    world.broken = Some("a Rollout is promoted whose candidate never was the champion");
                }
                Some(Some(index))
            }
            (Write::Rollout(_), None) => None,
        }
    }
}

/// A champion has earned it: it is pinned, or its Rollout has finished its steps and not turned back.
fn crown(world: &mut World, champion: Option<usize>) {
    let Some(number) = champion.filter(|_| champion != world.champion) else {
        if champion.is_none() && world.champion.is_some() {
            world.broken = Some("the champion is gone");
        }
        return;
    };
    let earned = world.rollouts.get(number).is_some_and(|rollout| rollout.ending() == Some(CompletionStatus::Promoted));
    let allowed = if world.pinned { number == PINNED } else { earned };
    if !allowed {
        world.broken = Some("an adapter became champion without having earned it");
    }
    world.crowned.insert(number);
}
