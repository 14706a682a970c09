//! Looking at an object, and deciding.

use kube::ResourceExt;

use super::world::World;
use crate::evaluation::decide::EvaluationPlan;
use crate::evaluation::observe::Observed as EvaluationObserved;
use crate::model::decide::ModelPlan;
use crate::model::observe::{Learning, Observed as ModelObserved};
use crate::model::testing::{at, settings};
use crate::rollout::decide::RolloutPlan;
use crate::rollout::observe::{Observed as RolloutObserved, Traffic};
use crate::training_run::decide::RunPlan;
use crate::training_run::observe::{Observed as RunObserved, Verification};
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

impl World {
    pub(super) fn targets(&self) -> Vec<Target> {
        let runs = self.runs.iter().map(|run| Target::Run(run.name_any()));
        let evaluations = self.evaluations.iter().map(|evaluation| Target::Evaluation(evaluation.name_any()));
        let rollouts = self.rollouts.iter().map(|rollout| Target::Rollout(rollout.name_any()));
        [Target::Model].into_iter().chain(runs).chain(evaluations).chain(rollouts).collect()
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
                let told =
                    run.status.as_ref().is_some_and(|status| status.adapter.is_some() && !status.phase.is_finished());
                let observed = RunObserved {
                    run: run.clone(),
                    job: self.jobs.get(&training_run::job_name(run)).cloned().unwrap_or_default(),
                    verified: told.then_some(Verification::Right),
                    has_gateway: true,
                    settings: settings(),
                };
                Some(Decided::Run(
                    name.clone(),
                    Box::new(training_run::decide::decide(&observed, now)),
                    run.resource_version(),
                ))
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
                    settings: settings(),
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
        let wanted: Vec<_> =
            self.model.spec.pinned_adapter.clone().into_iter().chain(current).map(Into::into).collect();
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
            settings: settings(),
        }
    }

    pub(super) fn rollout_observed(&self, name: &str) -> Option<RolloutObserved> {
        let rollout = self.rollouts.iter().find(|rollout| rollout.name_any() == *name)?;
        let others = self.rollouts.iter().filter(|other| other.name_any() != *name && !other.is_finished());
        let reference = rollout.spec.evaluation_ref.as_ref();
        let evaluation = self
            .evaluations
            .iter()
            .find(|evaluation| Some(&evaluation.name_any()) == reference.map(|named| &named.name));
        let arms: Vec<_> = self.arms.values().cloned().collect();
        Some(RolloutObserved {
            rollout: rollout.clone(),
            model: Some(self.model.clone()),
            others: others.cloned().collect(),
            evaluation: evaluation.cloned(),
            replicas: self.replicas(&[rollout.spec.candidate.clone().into()]),
            traffic: Traffic::Seen { route: self.route.clone(), since_start: arms.clone(), since_step: arms },
            settings: settings(),
        })
    }
}
