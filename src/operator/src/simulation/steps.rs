//! What can happen.

use std::collections::BTreeMap;

use genesis_api::names::IMPROVE_ANNOTATION;
use genesis_api::rollout::DesiredOutcome;
use kube::ResourceExt;
use proptest::prelude::*;

use super::invariants::Invariants;
use super::objects::{changed, created};
use super::world::World;
use crate::config::Settings;
use crate::jobs::JobState;
use crate::model::decide::{Child, HELD_ANNOTATION, ModelAction, ModelPlan};
use crate::model::observe::{Learning, Observed as ModelObserved};
use crate::model::testing::{adapter, at, settings};
use crate::rollout::decide::{RolloutAction, RolloutPlan};
use crate::rollout::observe::{Observed as RolloutObserved, Traffic};
use crate::serving::AdapterChange;
use crate::training_run::decide::{RunAction, RunPlan};
use crate::training_run::observe::{Observed as RunObserved, Verification};
use crate::evaluation::decide::{EvaluationAction, EvaluationPlan};
use crate::evaluation::observe::Observed as EvaluationObserved;
use crate::{evaluation, model, rollout, training_run};

/// An object that can be looked at.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Model,
    Run(String),
    Evaluation(String),
    Rollout(String),
}

/// What was decided, and of which version of the object.
#[derive(Debug)]
pub(super) enum Decided {
    Model(Box<ModelPlan>, Option<String>),
    Run(String, Box<RunPlan>, Option<String>),
    Evaluation(String, Box<EvaluationPlan>, Option<String>),
    Rollout(String, Box<RolloutPlan>, Option<String>),
}

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
            Self::Abort(index) => world.edit_rollout(index, |rollout| rollout.spec.desired_outcome = DesiredOutcome::Abort),
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

fn shared() -> std::sync::Arc<Settings> {
    settings()
}

impl World {
    pub(super) fn targets(&self) -> Vec<Target> {
        let runs = self.runs.iter().map(|run| Target::Run(run.name_any()));
        let evaluations = self.evaluations.iter().map(|evaluation| Target::Evaluation(evaluation.name_any()));
        let rollouts = self.rollouts.iter().map(|rollout| Target::Rollout(rollout.name_any()));
        [Target::Model].into_iter().chain(runs).chain(evaluations).chain(rollouts).collect()
    }

    fn edit_rollout(&mut self, index: usize, edit: impl FnOnce(&mut genesis_api::Rollout)) {
        if let Some(rollout) = self.rollouts.get_mut(index) {
            edit(rollout);
            changed(rollout);
        }
    }

    /// Observes and decides.
    pub(super) fn look(&self, target: &Target) -> Option<Decided> {
        let now = at(self.now);
        match target {
            Target::Model => {
                let observed = self.model_observed();
                Some(Decided::Model(Box::new(model::decide::decide(&observed, now)), observed.model.resource_version()))
            }
            Target::Run(name) => {
                let run = self.runs.iter().find(|run| run.name_any() == *name)?;
                let told = run.status.as_ref().is_some_and(|status| status.adapter.is_some() && !status.phase.is_finished());
                let observed = RunObserved {
                    run: run.clone(),
                    job: self.jobs.get(&training_run::job_name(run)).cloned().unwrap_or_default(),
                    verified: told.then_some(Verification::Right),
                    has_gateway: true,
                    settings: shared(),
                };
                Some(Decided::Run(name.clone(), Box::new(training_run::decide::decide(&observed, now)), run.resource_version()))
            }
            Target::Evaluation(name) => {
                let evaluation = self.evaluations.iter().find(|evaluation| evaluation.name_any() == *name)?;
                let job = evaluation.status.as_ref().and_then(|status| status.job_name.as_ref());
                let observed = EvaluationObserved {
                    evaluation: evaluation.clone(),
                    served_model: Some("coder".into()),
                    replicas: self.replicas(&evaluation::observe::adapters(evaluation)),
                    sandboxes: vec!["127.0.0.9".into()],
                    job: job.and_then(|name| self.jobs.get(name)).cloned().unwrap_or_default(),
                    settings: shared(),
                };
                let plan = evaluation::decide::decide(&observed, now);
                Some(Decided::Evaluation(name.clone(), Box::new(plan), evaluation.resource_version()))
            }
            Target::Rollout(name) => {
                let observed = self.rollout_observed(name)?;
                let version = observed.rollout.resource_version();
                Some(Decided::Rollout(name.clone(), Box::new(rollout::decide::decide(&observed, now)), version))
            }
        }
    }

    pub(super) fn model_observed(&self) -> ModelObserved {
        let current = self.champion().map(|champion| champion.adapter.clone());
        let wanted: Vec<_> = self.model.spec.pinned_adapter.clone().into_iter().chain(current).map(Into::into).collect();
        ModelObserved {
            model: self.model.clone(),
            serving: None,
            service: None,
            sandbox: None,
            replicas: self.replicas(&wanted),
            runs: self.runs.clone(),
            evaluations: self.evaluations.clone(),
            rollouts: self.rollouts.clone(),
            learning: Learning::Known(self.learning()),
            settings: shared(),
        }
    }

    pub(super) fn rollout_observed(&self, name: &str) -> Option<RolloutObserved> {
        let rollout = self.rollouts.iter().find(|rollout| rollout.name_any() == *name)?;
        let others = self.rollouts.iter().filter(|other| other.name_any() != *name && !other.is_finished());
        let reference = rollout.spec.evaluation_ref.as_ref();
        let evaluation = self.evaluations.iter().find(|evaluation| Some(&evaluation.name_any()) == reference.map(|named| &named.name));
        let arms: Vec<_> = self.arms.values().cloned().collect();
        Some(RolloutObserved {
            rollout: rollout.clone(),
            model: Some(self.model.clone()),
            others: others.cloned().collect(),
            evaluation: evaluation.cloned(),
            replicas: self.replicas(&[rollout.spec.candidate.clone().into()]),
            traffic: Traffic::Seen { route: self.route.clone(), since_start: arms.clone(), since_step: arms },
            settings: shared(),
        })
    }

    /// Does what was decided. With `stop_after` the operator is killed after that many actions.
    pub(super) fn carry_out(&mut self, decided: Decided, stop_after: Option<usize>) {
        let stop = stop_after.unwrap_or(usize::MAX);
        match decided {
            Decided::Model(plan, version) => {
                plan.actions.into_iter().take(stop).for_each(|action| self.do_for_model(action));
                if stop_after.is_none() && self.model.resource_version() == version && self.model.status.as_ref() != Some(&plan.status) {
                    self.model.status = Some(plan.status);
                    changed(&mut self.model);
                }
            }
            Decided::Run(name, mut plan, version) => {
                for action in plan.actions.iter().take(stop) {
                    self.do_for_run(&name, action, &mut plan.status);
                }
                let run = self.runs.iter_mut().find(|run| run.name_any() == name && run.resource_version() == version);
                if let Some(run) = run.filter(|run| stop_after.is_none() && run.status.as_ref() != Some(&plan.status)) {
                    run.status = Some(plan.status);
                    changed(run);
                }
            }
            Decided::Evaluation(name, plan, version) => {
                plan.actions.into_iter().take(stop).for_each(|action| self.do_for_evaluation(action));
                let found = self.evaluations.iter_mut().find(|found| found.name_any() == name && found.resource_version() == version);
                if let Some(found) = found.filter(|found| stop_after.is_none() && found.status.as_ref() != Some(&plan.status)) {
                    found.status = Some(plan.status);
                    changed(found);
                }
            }
            Decided::Rollout(name, plan, version) => {
                plan.actions.into_iter().take(stop).for_each(|action| match action {
                    RolloutAction::Adapter(change) => self.change(&change),
                    RolloutAction::Revert(digest) => self.reverted.push(digest),
                });
                let found = self.rollouts.iter_mut().find(|found| found.name_any() == name && found.resource_version() == version);
                if let Some(found) = found.filter(|found| stop_after.is_none() && found.status.as_ref() != Some(&plan.status)) {
                    found.status = Some(plan.status);
                    changed(found);
                }
            }
        }
    }

    fn do_for_model(&mut self, action: ModelAction) {
        self.serial += 1;
        let (serial, now) = (self.serial, at(self.now));
        match action {
            ModelAction::ApplyDeployment(_) | ModelAction::ApplyService(_) => {}
            ModelAction::Adapter(change) => self.change(&change),
            ModelAction::CreateRun(run) => create(&mut self.runs, *run, serial, now),
            ModelAction::CreateEvaluation(evaluation) => create(&mut self.evaluations, *evaluation, serial, now),
            ModelAction::CreateRollout(rollout) => create(&mut self.rollouts, *rollout, serial, now),
            ModelAction::Hold { child: Child::TrainingRun, name, held } => hold(&mut self.runs, &name, held, |run| run.spec.suspend = held),
            ModelAction::Hold { child: Child::Evaluation, name, held } => {
                hold(&mut self.evaluations, &name, held, |evaluation| evaluation.spec.suspend = held);
            }
            ModelAction::Hold { child: Child::Rollout, name, held } => {
                hold(&mut self.rollouts, &name, held, |rollout| rollout.spec.paused = held);
            }
            ModelAction::Delete { child, name } => match child {
                Child::TrainingRun => self.runs.retain(|run| run.name_any() != name),
                Child::Evaluation => self.evaluations.retain(|evaluation| evaluation.name_any() != name),
                Child::Rollout => self.rollouts.retain(|rollout| rollout.name_any() != name),
            },
        }
    }

    fn do_for_run(&mut self, name: &str, action: &RunAction, status: &mut genesis_api::TrainingRunStatus) {
        match action {
            RunAction::FreezeDataset(_) => {
                status.dataset = Some(genesis_api::training_run::DatasetStatus {
                    uri: "file:///store/datasets/d".into(),
                    digest: genesis_core::Digest::of_bytes(name.as_bytes()),
                    rows: Some(10),
                    tasks: Some(5),
                    watermark: i64::try_from(self.learnings).ok(),
                });
            }
            RunAction::CreateJob(job) => {
                let active = JobState::Active { suspended: false, failures: 0 };
                self.jobs.entry(job.name_any()).or_insert(active);
            }
            RunAction::SuspendJob(held) => {
                let job = self.runs.iter().find(|run| run.name_any() == name).map(training_run::job_name);
                if let Some(JobState::Active { suspended, .. }) = job.and_then(|job| self.jobs.get_mut(&job)) {
                    *suspended = *held;
                }
            }
        }
    }

    fn do_for_evaluation(&mut self, action: EvaluationAction) {
        match action {
            EvaluationAction::Adapter(change) => self.change(&change),
            EvaluationAction::CreateJob(job) => {
                self.jobs.entry(job.name_any()).or_insert(JobState::Active { suspended: false, failures: 0 });
            }
            EvaluationAction::DeleteJob(name) => {
                self.jobs.remove(&name);
            }
        }
    }

    fn change(&mut self, change: &AdapterChange) {
        let replica = |address: &str| address.parse::<usize>().expect("an index");
        match change {
            AdapterChange::Load { address, name, adapter, .. } => {
                if let Some(loaded) = self.loaded.get_mut(replica(address)) {
                    loaded.insert(name.clone(), adapter.digest.clone());
                }
            }
            AdapterChange::Unload { address, name } => {
                if let Some(loaded) = self.loaded.get_mut(replica(address)) {
                    loaded.remove(name);
                }
            }
        }
    }
}

/// As the API server: a name that is taken stays taken.
fn create<K: kube::Resource<DynamicType = ()>>(all: &mut Vec<K>, object: K, serial: u64, now: jiff::Timestamp) {
    if all.iter().all(|other| other.name_any() != object.name_any()) {
        all.push(created(object, serial, now));
    }
}

fn hold<K: kube::Resource<DynamicType = ()>>(all: &mut [K], name: &str, held: bool, edit: impl FnOnce(&mut K)) {
    let Some(object) = all.iter_mut().find(|object| object.name_any() == name) else { return };
    edit(object);
    if held {
        object.annotations_mut().insert(HELD_ANNOTATION.into(), "true".into());
    } else {
        object.annotations_mut().remove(HELD_ANNOTATION);
    }
    changed(object);
}
