//! What there is beside the operators: the model, its Rollouts, the gateway's route, one serving pod, the clients.

use std::collections::BTreeSet;
use std::sync::Arc;

use genesis_api::genesis_model::{CurrentAdapter, GenesisModelStatus};
use genesis_api::rollout::{CompletionStatus, DesiredOutcome, RolloutSpec, RolloutStatus};
use genesis_api::{AdapterReference, GenesisModel, Rollout};
use genesis_core::wire::{AppliedRoute, ArmStatistics};
use genesis_core::{AdapterRef, Digest};
use genesis_operator::Config;
use genesis_operator::decisions::{AdapterState, Replica, Settings, Traffic};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

/// When everything happens: no deadline passes.
pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// Number of the adapter that a person pins.
pub(super) const PINNED: usize = 9;
const SERVED: &str = "coder";

/// A Rollout: the first one's candidate has number 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct OneRollout {
    pub(super) aborted: bool,
    /// Its status as JSON: that has an order and a hash.
    pub(super) status: Arc<str>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) champion: Option<usize>,
    pub(super) previous: Option<usize>,
    pub(super) pinned: bool,
    pub(super) rollouts: Vec<OneRollout>,
    /// What the serving pod has loaded and proved.
    pub(super) loaded: BTreeSet<usize>,
    /// Champion, candidate and weight as the gateway has them.
    pub(super) routed: (Option<usize>, Option<(usize, u8)>),
    /// Clients found the candidates worse.
    pub(super) harmed: bool,
    /// Adapters that were ever champion.
    pub(super) crowned: BTreeSet<usize>,
    /// Whose learnings were taken back.
    pub(super) reverted: BTreeSet<usize>,
    pub(super) broken: Option<&'static str>,
}

/// Objects that are alike in all states.
#[derive(Debug)]
pub(super) struct Template {
    model: GenesisModel,
    spec: RolloutSpec,
    pub(super) settings: Arc<Settings>,
}

impl Template {
    pub(super) fn new() -> Self {
        let model = json!({
            "baseModel": { "uri": "builtin://seedling" }, "servedModelName": SERVED, "storage": { "uri": "file:///store" },
            "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
        });
        let steps = json!([{ "weight": 10, "minRequests": 5, "minSeconds": 0 }, { "weight": 100, "minRequests": 5, "minSeconds": 0 }]);
        let spec = json!({ "modelRef": { "name": "coder" }, "candidate": adapter(0), "steps": steps });
        let config = Config { report_url: Some("http://operator".into()), ..Config::default() };
        let settings = Settings::new(&config, config.listen).map(Arc::new);
        let (Ok(model), Ok(spec), Some(settings)) =
            (serde_json::from_value(model), serde_json::from_value(spec), settings)
        else {
            unreachable!("the objects above are valid")
        };
        Self { model: GenesisModel::new("coder", model), spec, settings }
    }

    pub(super) fn model(&self, champion: Option<usize>, previous: Option<usize>, pinned: bool) -> GenesisModel {
        let mut model = self.model.clone();
        model.spec.pinned_adapter = pinned.then(|| adapter(PINNED));
        let status = GenesisModelStatus {
            current_adapter: champion.map(current),
            previous_adapter: previous.map(current),
            ..GenesisModelStatus::default()
        };
        model.status = Some(status);
        model
    }

    pub(super) fn rollout(&self, index: usize, rollout: &OneRollout) -> Rollout {
        let mut spec = self.spec.clone();
        spec.candidate = adapter(index);
        spec.desired_outcome = if rollout.aborted { DesiredOutcome::Abort } else { DesiredOutcome::Auto };
        let mut object = Rollout::new(&format!("r{index}"), spec);
        object.metadata.creation_timestamp = Timestamp::from_second(index as i64).ok().map(Time);
        object.status = rollout.status();
        object
    }
}

impl OneRollout {
    pub(super) fn status(&self) -> Option<RolloutStatus> {
        serde_json::from_str(&self.status).ok()
    }

    pub(super) fn completion(&self) -> Option<CompletionStatus> {
        self.status()?.completion_status
    }

    pub(super) fn ending(&self) -> Option<CompletionStatus> {
        self.status()?.ending_as
    }

    fn weight(&self) -> u8 {
        let status = self.status().filter(|status| status.completion_status.is_none());
        status.map_or(0, |status| status.weights.canary as u8)
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self { rollouts: vec![OneRollout::default()], ..Self::default() }
    }

    pub(super) fn create(&mut self) {
        self.rollouts.push(OneRollout::default());
    }

    /// The candidates that take traffic by what is written.
    pub(super) fn taking(&self) -> impl Iterator<Item = (usize, u8)> {
        self.rollouts.iter().map(OneRollout::weight).enumerate().filter(|(_, weight)| *weight > 0)
    }

    /// The candidate to which the gateway sends something.
    pub(super) fn canary(&self) -> Option<usize> {
        self.routed.1.map(|(candidate, _)| candidate)
    }

    /// The gateway takes over what is written.
    pub(super) fn route(&mut self) {
        let canary = self.taking().next();
        self.routed = (self.champion, canary);
    }

    /// What the gateway tells of itself and of its clients.
    pub(super) fn traffic(&self) -> Traffic {
        let (stable, canary) = self.routed;
        let name = |champion: Option<usize>| champion.map_or_else(|| SERVED.to_owned(), served_name);
        let route = AppliedRoute {
            namespace: "ns".into(),
            model: "coder".into(),
            stable: name(stable),
            canary: canary.map(|(candidate, _)| served_name(candidate)),
            canary_weight: canary.map_or(0, |(_, weight)| weight),
        };
        let candidates =
            (0..self.rollouts.len()).map(|index| (served_name(index), if self.harmed { 0.0 } else { 0.9 }));
        let arms: Vec<_> = candidates.chain([(name(None), 0.7)]).map(|(name, quality)| arm(name, quality)).collect();
        Traffic::Seen { route: Some(route), since_start: arms.clone(), since_step: arms }
    }

    /// The serving pod, and how these adapters stand on it.
    pub(super) fn replica(&self, wanted: impl IntoIterator<Item = usize>) -> Replica {
        let state = |number: usize| {
            if self.loaded.contains(&number) { AdapterState::Proved } else { AdapterState::Missing }
        };
        Replica {
            pod: "pod".into(),
            address: "pod".into(),
            loaded: self.loaded.iter().map(|number| (served_name(*number), Some(adapter(*number).digest))).collect(),
            wanted: wanted.into_iter().map(|number| (served_name(number), state(number))).collect(),
            ..Replica::default()
        }
    }
}

fn arm(served_name: String, quality: f64) -> ArmStatistics {
    let requests = 400.0;
    ArmStatistics {
        served_name,
        requests: 400,
        verified: 400,
        passed: (requests * quality) as u64,
        quality_sum: requests * quality,
        quality_square_sum: requests * quality * quality,
        infra: 0,
    }
}

pub(super) fn adapter(number: usize) -> AdapterReference {
    AdapterReference { uri: format!("file:///store/{number}"), digest: Digest::of_bytes(&number.to_be_bytes()) }
}

pub(super) fn number_of(digest: &Digest) -> Option<usize> {
    (0..=PINNED).find(|number| adapter(*number).digest == *digest)
}

fn served_name(number: usize) -> String {
    AdapterRef::from(adapter(number)).served_name(SERVED)
}

fn current(number: usize) -> CurrentAdapter {
    CurrentAdapter {
        name: served_name(number),
        adapter: adapter(number),
        revision: 0,
        promoted_time: Some(NOW),
        rollout_name: None,
        score: None,
    }
}
