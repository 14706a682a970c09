//! A model with all that belongs to it, put together from lists of objects.

use std::collections::{BTreeMap, BTreeSet};

use genesis_api::names::REVISION_LABEL;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The lists that a cluster gives, of one namespace or of all.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// GenesisModels.
    pub models: Vec<GenesisModel>,
    /// TrainingRuns.
    pub runs: Vec<TrainingRun>,
    /// Evaluations.
    pub evaluations: Vec<Evaluation>,
    /// Rollouts.
    pub rollouts: Vec<Rollout>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Pods of models and of Jobs.
    pub pods: Vec<Pod>,
}

/// The children that carry one number; of those without a number each stands alone.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The number of the turn.
    pub revision: Option<i64>,
    /// Its training.
    pub run: Option<TrainingRun>,
    /// Its judgement.
    pub evaluation: Option<Evaluation>,
    /// Its canary.
    pub rollout: Option<Rollout>,
}

/// A model and its children.
#[derive(Clone, Debug)]
pub struct Family {
    /// Namespace.
    pub namespace: String,
    /// Name of the model.
    pub name: String,
    /// The model itself. A TrainingRun or an Evaluation can do without.
    pub model: Option<GenesisModel>,
    /// The turns, the newest first; then what a person made alone.
    pub turns: Vec<Turn>,
}

impl Objects {
    /// One family for each model that exists or is named, by namespace and name.
    pub fn families(&self) -> Vec<Family> {
        let mut keys: BTreeSet<(String, String)> = BTreeSet::new();
        keys.extend(self.models.iter().map(|model| (space(model), model.name_any())));
        keys.extend(self.runs.iter().map(|run| (space(run), run.spec.model_ref.name.clone())));
        keys.extend(self.evaluations.iter().map(|found| (space(found), found.spec.model_ref.name.clone())));
        keys.extend(self.rollouts.iter().map(|rollout| (space(rollout), rollout.spec.model_ref.name.clone())));
        keys.into_iter().map(|(namespace, name)| self.family(&namespace, &name)).collect()
    }

    /// The family of one model.
    pub fn family(&self, namespace: &str, name: &str) -> Family {
        let model = self.models.iter().find(|model| space(*model) == namespace && model.name_any() == name).cloned();
        let mut numbered: BTreeMap<i64, Turn> = BTreeMap::new();
        let mut alone = Vec::new();
        let mut place = |revision: Option<i64>, put: &dyn Fn(&mut Turn)| {
            if let Some(number) = revision {
                put(numbered.entry(number).or_insert_with(|| Turn { revision, ..Turn::default() }));
            } else {
                let mut turn = Turn::default();
                put(&mut turn);
                alone.push(turn);
            }
        };
        for run in self.runs.iter().filter(|run| space(*run) == namespace && run.spec.model_ref.name == name) {
            place(revision(run), &|turn| turn.run = Some(run.clone()));
        }
        for found in self.evaluations.iter().filter(|f| space(*f) == namespace && f.spec.model_ref.name == name) {
            place(revision(found), &|turn| turn.evaluation = Some(found.clone()));
        }
        for rollout in self.rollouts.iter().filter(|r| space(*r) == namespace && r.spec.model_ref.name == name) {
            place(revision(rollout), &|turn| turn.rollout = Some(rollout.clone()));
        }
        let turns = numbered.into_values().rev().chain(alone).collect();
        Family { namespace: namespace.to_owned(), name: name.to_owned(), model, turns }
    }
}

/// The namespace of an object; empty for one that has none.
pub fn space(object: &impl ResourceExt) -> String {
    object.namespace().unwrap_or_default()
}

/// The turn that an object belongs to.
pub fn revision(object: &impl ResourceExt) -> Option<i64> {
    object.labels().get(REVISION_LABEL)?.parse().ok()
}
