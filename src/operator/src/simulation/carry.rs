//! Doing what was decided, as the API server and the inference servers would.

use genesis_api::TrainingRunStatus;
use genesis_api::names::HELD_ANNOTATION;
use genesis_api::training_run::DatasetStatus;
use genesis_core::Digest;
use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::look::Decided;
use super::objects::{changed, created};
use super::world::World;
use crate::evaluation::decide::EvaluationAction;
use crate::jobs::JobState;
use crate::model::decide::{Child, ModelAction};
use crate::model::testing::at;
use crate::rollout::decide::RolloutAction;
use crate::serving::AdapterChange;
use crate::training_run;
use crate::training_run::decide::RunAction;

impl World {
    /// Does what was decided. With `stop_after` the operator is killed after that many actions.
    pub(super) fn carry_out(&mut self, decided: Decided, stop_after: Option<usize>) {
        let stop = stop_after.unwrap_or(usize::MAX);
        match decided {
            Decided::Model(plan, version) => {
                plan.actions.into_iter().take(stop).for_each(|action| self.do_for_model(action));
                if stop_after.is_none()
                    && self.model.resource_version() == version
                    && self.model.status.as_ref() != Some(&plan.status)
                {
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
                let found = self
                    .evaluations
                    .iter_mut()
                    .find(|found| found.name_any() == name && found.resource_version() == version);
                if let Some(found) =
                    found.filter(|found| stop_after.is_none() && found.status.as_ref() != Some(&plan.status))
                {
                    found.status = Some(plan.status);
                    changed(found);
                }
            }
            Decided::Rollout(name, plan, version) => {
                plan.actions.into_iter().take(stop).for_each(|action| match action {
                    RolloutAction::Adapter(change) => self.change(&change),
                    RolloutAction::Revert(digest) => self.reverted.push(digest),
                    RolloutAction::Record(_) => {}
                });
                let found = self
                    .rollouts
                    .iter_mut()
                    .find(|found| found.name_any() == name && found.resource_version() == version);
                if let Some(found) =
                    found.filter(|found| stop_after.is_none() && found.status.as_ref() != Some(&plan.status))
                {
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
            ModelAction::ApplyDeployment(_) | ModelAction::ApplyService(_) | ModelAction::Record(_) => {}
            ModelAction::Adapter(change) => self.change(&change),
            ModelAction::CreateRun(run) => create(&mut self.runs, *run, serial, now),
            ModelAction::CreateEvaluation(evaluation) => create(&mut self.evaluations, *evaluation, serial, now),
            ModelAction::CreateRollout(rollout) => create(&mut self.rollouts, *rollout, serial, now),
            ModelAction::Hold { child: Child::TrainingRun, name, held } => {
                hold(&mut self.runs, &name, held, |run| run.spec.suspend = held);
            }
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

    fn do_for_run(&mut self, name: &str, action: &RunAction, status: &mut TrainingRunStatus) {
        match action {
            RunAction::FreezeDataset(_) => {
                status.dataset = Some(DatasetStatus {
                    uri: "file:///store/datasets/d".into(),
                    digest: Digest::of_bytes(name.as_bytes()),
                    rows: Some(10),
                    tasks: Some(5),
                    watermark: i64::try_from(self.learnings).ok(),
                });
            }
            RunAction::CreateJob(job) => {
                let active = JobState::Active { suspended: false, failures: 0 };
                self.jobs.entry(job.name_any()).or_insert(active);
            }
            RunAction::Record(_) => {}
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
            EvaluationAction::Record(_) => {}
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
fn create<K: Resource<DynamicType = ()>>(all: &mut Vec<K>, object: K, serial: u64, now: Timestamp) {
    if all.iter().all(|other| other.name_any() != object.name_any()) {
        all.push(created(object, serial, now));
    }
}

fn hold<K: Resource<DynamicType = ()>>(all: &mut [K], name: &str, held: bool, edit: impl FnOnce(&mut K)) {
    let Some(object) = all.iter_mut().find(|object| object.name_any() == name) else { return };
    edit(object);
    if held {
        object.annotations_mut().insert(HELD_ANNOTATION.into(), "true".into());
    } else {
        object.annotations_mut().remove(HELD_ANNOTATION);
    }
    changed(object);
}
