//! What there is.

use std::collections::BTreeMap;

use genesis_api::genesis_model::CurrentAdapter;
use genesis_api::rollout::RolloutSpec;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_core::wire::{AppliedRoute, ArmStatistics, JobEvent, LearningSnapshot};
use genesis_core::{AdapterRef, Digest};
use kube::ResourceExt;
use serde_json::json;

use super::objects::{changed, created};
use crate::evaluation::testing::evaluated;
use crate::jobs::JobState;
use crate::model::testing::{adapter, at, model};
use crate::rollout::testing::arm;
use crate::serving::{AdapterState, Replica};
use crate::{evaluation, training_run};

/// Everything outside of the operator.
pub(super) struct World {
    /// Seconds since the model was created.
    pub(super) now: i64,
    pub(super) serial: u64,
    pub(super) model: GenesisModel,
    pub(super) runs: Vec<TrainingRun>,
    pub(super) evaluations: Vec<Evaluation>,
    pub(super) rollouts: Vec<Rollout>,
    pub(super) jobs: BTreeMap<String, JobState>,
    /// What each replica has loaded.
    pub(super) loaded: Vec<BTreeMap<String, Digest>>,
    /// Learnings ever.
    pub(super) learnings: u64,
    pub(super) route: Option<AppliedRoute>,
    pub(super) arms: BTreeMap<String, ArmStatistics>,
    pub(super) reverted: Vec<Digest>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            serial: 0,
            model: model(),
            runs: Vec::new(),
            evaluations: Vec::new(),
            rollouts: Vec::new(),
            jobs: BTreeMap::new(),
            loaded: vec![BTreeMap::new()],
            learnings: 0,
            route: None,
            arms: BTreeMap::new(),
            reverted: Vec::new(),
        }
    }

    /// A world whose first candidate takes its first traffic.
    pub(super) fn rolling_out() -> Self {
        let mut world = Self::new();
        world.learn(500);
        super::settle(&mut world);
        world.finish_training(0);
        super::settle(&mut world);
        world.finish_evaluation(0, 0.3);
        super::settle(&mut world);
        assert_eq!(world.rollouts[0].canary_weight(), 10);
        world
    }

    pub(super) fn learn(&mut self, learnings: u64) {
        self.learnings += learnings;
    }

    pub(super) fn learning(&self) -> LearningSnapshot {
        let since = self.model.status.as_ref().map_or(0, |status| status.watermark.unsigned_abs());
        LearningSnapshot {
            total: self.learnings,
            new: self.learnings.saturating_sub(since),
            watermark: self.learnings,
            verified_rows: self.learnings / 2,
            quality_average: 0.95,
            quality_samples: 200,
            executions: self.learnings,
        }
    }

    pub(super) fn champion(&self) -> Option<&CurrentAdapter> {
        self.model.status.as_ref()?.current_adapter.as_ref()
    }

    pub(super) fn loop_reason(&self) -> String {
        use genesis_api::conditions::{ConditionType, find};
        let conditions = self.model.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        find(conditions, ConditionType::LoopActive).map(|condition| condition.reason.clone()).unwrap_or_default()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let runs = self.runs.iter().map(|run| format!("run {}", run.name_any()));
        let evaluations = self.evaluations.iter().map(|evaluation| format!("evaluation {}", evaluation.name_any()));
        let rollouts = self.rollouts.iter().map(|rollout| format!("rollout {}", rollout.name_any()));
        runs.chain(evaluations).chain(rollouts).collect()
    }

    /// Someone edited the model.
    pub(super) fn changed_spec(&mut self) {
        changed(&mut self.model);
        self.model.metadata.generation = self.model.metadata.generation.map(|generation| generation + 1);
    }

    /// The replicas as the operator sees them.
    pub(super) fn replicas(&self, wanted: &[AdapterRef]) -> Vec<Replica> {
        let served = &self.model.spec.served_model_name;
        let replica = |(index, loaded): (usize, &BTreeMap<String, Digest>)| {
            let state = |adapter: &AdapterRef| match loaded.get(&adapter.served_name(served)) {
                None => AdapterState::Missing,
                Some(digest) if *digest == adapter.digest => AdapterState::Proved,
                Some(_) => AdapterState::Disproved("another digest".into()),
            };
            Replica {
                pod: format!("pod-{index}"),
                incarnation: format!("pod-{index}/0"),
                address: index.to_string(),
                unreachable: String::new(),
                loaded: loaded.iter().map(|(name, digest)| (name.clone(), Some(digest.clone()))).collect(),
                wanted: wanted.iter().map(|adapter| (adapter.served_name(served), state(adapter))).collect(),
            }
        };
        self.loaded.iter().enumerate().map(replica).collect()
    }

    /// The gateway has seen everything that is written.
    pub(super) fn sync_gateway(&mut self) {
        let canary = self.rollouts.iter().find(|rollout| {
            let proved = rollout.status.as_ref().and_then(|status| status.served_digest.as_ref())
                == Some(&rollout.spec.candidate.digest);
            proved && rollout.canary_weight() > 0
        });
        let served = &self.model.spec.served_model_name;
        self.route = Some(AppliedRoute {
            namespace: "ns".into(),
            model: "coder".into(),
            stable: self.model.champion_name(),
            canary: canary.map(|rollout| rollout.spec.candidate.served_name(served)),
            canary_weight: canary.map_or(0, Rollout::canary_weight),
        });
    }

    /// Requests are answered, by canary and stable alike, with these qualities.
    pub(super) fn traffic(&mut self, requests: u64, canary_quality: f64, stable_quality: f64) {
        let Some(route) = self.route.clone() else { return };
        let arms = [(Some(route.stable), stable_quality), (route.canary, canary_quality)];
        for (name, quality) in arms {
            let Some(name) = name else { continue };
            let more = arm(name.clone(), requests, quality);
            let all = self.arms.entry(name.clone()).or_insert_with(|| arm(name, 0, 0.0));
            all.requests += more.requests;
            all.verified += more.verified;
            all.passed += more.passed;
            all.quality_sum += more.quality_sum;
            all.quality_square_sum += more.quality_square_sum;
        }
    }

    /// The trainer of a run tells of its adapter, if it is at work.
    pub(super) fn finish_training(&mut self, index: usize) {
        self.serial += 1;
        let (serial, now) = (self.serial, at(self.now));
        let Some(run) = self.runs.get_mut(index) else { return };
        let job = crate::training_run::job_name(run);
        if !matches!(self.jobs.get(&job), Some(JobState::Active { suspended: false, .. })) {
            return;
        }
        if training_run::event::apply(run.status.get_or_insert_default(), &trained(serial), now).is_ok() {
            changed(run);
            self.jobs.insert(job, JobState::Complete);
        }
    }

    /// The Job of a run gives up.
    pub(super) fn fail_training(&mut self, index: usize) {
        let Some(run) = self.runs.get(index) else { return };
        let failed = JobState::Failed { reason: "BackoffLimitExceeded".into(), message: "m".into(), failures: 4 };
        if let Some(job @ JobState::Active { .. }) = self.jobs.get_mut(&crate::training_run::job_name(run)) {
            *job = failed;
        }
    }

    /// The evaluator tells of its numbers, if it is at work.
    pub(super) fn finish_evaluation(&mut self, index: usize, gain: f64) {
        let now = at(self.now);
        let Some(evaluation) = self.evaluations.get_mut(index) else { return };
        let Some(job) = evaluation.status.as_ref().and_then(|status| status.job_name.clone()) else { return };
        if !matches!(self.jobs.get(&job), Some(JobState::Active { .. })) {
            return;
        }
        let gate = evaluation.spec.gate.clone();
        let event = evaluated(gain, &evaluation.name_any());
        if evaluation::event::apply(evaluation.status.get_or_insert_default(), &gate, &event, now).is_ok() {
            changed(evaluation);
            self.jobs.insert(job, JobState::Complete);
        }
    }

    /// Pods that are being stopped tell of results all the same.
    pub(super) fn late_events(&mut self, index: usize) {
        self.serial += 1;
        let (serial, now) = (self.serial, at(self.now));
        if let Some(run) = self.runs.get_mut(index)
            && training_run::event::apply(run.status.get_or_insert_default(), &trained(serial), now).is_ok()
        {
            changed(run);
        }
        if let Some(evaluation) = self.evaluations.get_mut(index) {
            let (gate, event) = (evaluation.spec.gate.clone(), evaluated(0.3, &format!("late {serial}")));
            if evaluation::event::apply(evaluation.status.get_or_insert_default(), &gate, &event, now).is_ok() {
                changed(evaluation);
            }
        }
    }

    /// The pod of an evaluation's attempt is killed.
    pub(super) fn fail_evaluation(&mut self, index: usize) {
        let job = self.evaluations.get(index).and_then(|evaluation| evaluation.status.as_ref()?.job_name.clone());
        if let Some(job @ JobState::Active { .. }) = job.and_then(|name| self.jobs.get_mut(&name)) {
            *job = JobState::Failed { reason: "BackoffLimitExceeded".into(), message: "killed".into(), failures: 1 };
        }
    }

    /// A person brings an adapter live on their own responsibility.
    pub(super) fn person_rolls_out(&mut self, number: u64) {
        self.serial += 1;
        let name = format!("by-hand-{}", self.serial);
        let spec = json!({ "modelRef": { "name": "coder" }, "candidate": adapter(number) });
        let spec: RolloutSpec = serde_json::from_value(spec).expect("a valid spec");
        let mut rollout = Rollout::new(&name, spec);
        rollout.metadata.namespace = Some("ns".into());
        self.rollouts.push(created(rollout, self.serial, at(self.now)));
    }
}

fn trained(number: u64) -> JobEvent {
    JobEvent::Trained {
        adapter: adapter(number).into(),
        rank: 8,
        size_bytes: 1,
        first_loss: 1.0,
        last_loss: 0.5,
        steps: 10,
    }
}
