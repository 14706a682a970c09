//! What can happen.

use std::collections::BTreeMap;

use genesis_api::names::IMPROVE_ANNOTATION;
use genesis_api::rollout::DesiredOutcome;
use kube::ResourceExt;
use proptest::prelude::*;

use super::invariants::Invariants;
use super::objects::changed;
use super::world::World;
use crate::model::testing::adapter;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Look at an object and decide; do it later.
    Look(usize),
    /// Do what was decided longest ago; stop after some actions, or go on to the status.
    CarryOut(Option<usize>),
    /// Look, decide and do.
    Reconcile(usize),
    Learn(u64),
    FinishTraining(usize),
    FailTraining(usize),
    FinishEvaluation(usize, f64),
    FailEvaluation(usize),
    LateEvents(usize),
    LoseJob(usize),
    SyncGateway,
    Traffic(f64),
    RestartPod(usize),
    AddPod,
    Suspend,
    Pin(Option<u64>),
    Improve,
    PersonRollsOut(u64),
    Abort(usize),
    Promote(usize),
    Pause(usize),
    Wait(i64),
}

/// Any step; the everyday ones more often.
pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..40usize).prop_map(Step::Reconcile),
        6 => (0..40usize).prop_map(Step::Look),
        6 => prop_oneof![4 => Just(None), 1 => (0..3usize).prop_map(Some)].prop_map(Step::CarryOut),
        4 => (1..400u64).prop_map(Step::Learn),
        4 => (0..6usize).prop_map(Step::FinishTraining),
        1 => (0..6usize).prop_map(Step::FailTraining),
        4 => (0..6usize, prop_oneof![3 => Just(0.3), 1 => Just(0.0), 1 => Just(-0.3)]).prop_map(|(i, gain)| Step::FinishEvaluation(i, gain)),
        1 => (0..6usize).prop_map(Step::FailEvaluation),
        1 => (0..6usize).prop_map(Step::LateEvents),
        1 => (0..6usize).prop_map(Step::LoseJob),
        8 => Just(Step::SyncGateway),
        6 => prop_oneof![3 => Just(0.9), 1 => Just(0.0)].prop_map(Step::Traffic),
        1 => (0..3usize).prop_map(Step::RestartPod),
        1 => Just(Step::AddPod),
        1 => Just(Step::Suspend),
        1 => prop_oneof![Just(None), (0..3u64).prop_map(Some)].prop_map(Step::Pin),
        1 => Just(Step::Improve),
        1 => (0..5u64).prop_map(Step::PersonRollsOut),
        1 => (0..6usize).prop_map(Step::Abort),
        1 => (0..6usize).prop_map(Step::Promote),
        1 => (0..6usize).prop_map(Step::Pause),
        6 => (1..200i64).prop_map(Step::Wait),
    ]
}

impl Step {
    pub(super) fn take(self, world: &mut World, invariants: &mut Invariants) {
        match self {
            Self::Look(index) => {
                let targets = world.targets();
                if let Some(decided) = world.look(&targets[index % targets.len()]) {
                    invariants.decided(world, &decided);
                    invariants.pending.push_back(decided);
                }
            }
            Self::CarryOut(stop_after) => {
                if let Some(decided) = invariants.pending.pop_front() {
                    world.carry_out(decided, stop_after);
                }
            }
            Self::Reconcile(index) => {
                let targets = world.targets();
                if let Some(decided) = world.look(&targets[index % targets.len()]) {
                    invariants.decided(world, &decided);
                    world.carry_out(decided, None);
                }
            }
            Self::Learn(count) => world.learn(count),
            Self::FinishTraining(index) => world.finish_training(index),
            Self::FailTraining(index) => world.fail_training(index),
            Self::FinishEvaluation(index, gain) => world.finish_evaluation(index, gain),
            Self::FailEvaluation(index) => world.fail_evaluation(index),
            Self::LateEvents(index) => world.late_events(index),
            Self::LoseJob(index) => {
                let name = world.jobs.keys().nth(index).cloned();
                name.and_then(|name| world.jobs.remove(&name));
            }
            Self::SyncGateway => world.sync_gateway(),
            Self::Traffic(quality) => world.traffic(40, quality, 0.7),
            Self::RestartPod(index) => {
                if let Some(loaded) = world.loaded.get_mut(index) {
                    loaded.clear();
                }
            }
            Self::AddPod if world.loaded.len() < 3 => world.loaded.push(BTreeMap::new()),
            Self::AddPod => {
                world.loaded.pop();
            }
            Self::Suspend => {
                world.model.spec.suspend = !world.model.spec.suspend;
                world.changed_spec();
            }
            Self::Pin(number) => {
                world.model.spec.pinned_adapter = number.map(adapter);
                world.changed_spec();
            }
            Self::Improve => {
                let next = world.model.status.as_ref().map_or(0, |status| status.revision) + 1;
                world.model.annotations_mut().insert(IMPROVE_ANNOTATION.into(), next.to_string());
                changed(&mut world.model);
            }
            Self::PersonRollsOut(number) => world.person_rolls_out(number),
            Self::Abort(index) => {
                world.edit_rollout(index, |rollout| rollout.spec.desired_outcome = DesiredOutcome::Abort);
            }
            Self::Promote(index) => world.edit_rollout(index, |rollout| {
                if rollout.spec.desired_outcome == DesiredOutcome::Auto {
                    rollout.spec.desired_outcome = DesiredOutcome::Promote;
                }
            }),
            Self::Pause(index) => world.edit_rollout(index, |rollout| rollout.spec.paused = !rollout.spec.paused),
            Self::Wait(seconds) => world.now += seconds,
        }
    }
}

impl World {
    fn edit_rollout(&mut self, index: usize, edit: impl FnOnce(&mut genesis_api::Rollout)) {
        if let Some(rollout) = self.rollouts.get_mut(index) {
            edit(rollout);
            changed(rollout);
        }
    }
}
