//! Where a run ended, without what differs between any two runs: times, uids, counters of attempts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_core::Digest;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::stage::Stage;

/// What must be equal in all runs of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Digest of the champion.
    pub champion: Option<Digest>,
    /// How the Rollout ended, if there is one.
    pub completion: Option<String>,
    /// Outcome of each turn.
    pub turns: Vec<(i64, String)>,
    /// Objects of the turns with how they ended.
    pub objects: BTreeMap<String, String>,
    /// What is served under which name.
    pub served: BTreeSet<(String, Digest)>,
    /// Whose learnings were taken back.
    pub reverted: BTreeSet<Digest>,
    /// What the ledger was told.
    pub recorded: BTreeSet<String>,
    /// Workloads.
    pub workloads: BTreeSet<String>,
}

impl End {
    /// How the stage stands now.
    pub async fn of(stage: &Stage) -> Result<Self> {
        let all = ListParams::default();
        let client = || stage.client.clone();
        let model = Api::<GenesisModel>::namespaced(client(), "default").get("coder").await?;
        let status = model.status.unwrap_or_default();
        let mut objects = BTreeMap::new();
        for run in Api::<TrainingRun>::namespaced(client(), "default").list(&all).await? {
            let phase = run.status.as_ref().map(|status| format!("{:?}", status.phase));
            objects.insert(format!("TrainingRun {}", run.name_any()), phase.unwrap_or_default());
        }
        for evaluation in Api::<Evaluation>::namespaced(client(), "default").list(&all).await? {
            let verdict = evaluation.status.as_ref().map(|status| format!("{:?}", status.verdict));
            objects.insert(format!("Evaluation {}", evaluation.name_any()), verdict.unwrap_or_default());
        }
        let mut completion = None;
        for rollout in Api::<Rollout>::namespaced(client(), "default").list(&all).await? {
            completion = rollout.status.as_ref().and_then(|status| status.completion_status).map(|end| end.to_string());
            objects.insert(format!("Rollout {}", rollout.name_any()), completion.clone().unwrap_or_default());
        }
        let workloads = Api::<Deployment>::namespaced(client(), "default").list(&all).await?;
        Ok(Self {
            champion: status.current_adapter.map(|champion| champion.adapter.digest),
            completion,
            turns: status.history.iter().map(|entry| (entry.revision, entry.outcome.to_string())).collect(),
            objects,
            served: stage.inference.loaded(),
            recorded: stage.gateway.recorded(),
            reverted: stage.gateway.reverted(),
            workloads: workloads.iter().map(ResourceExt::name_any).collect(),
        })
    }

    /// Whether a turn has ended, and nothing of it is under way.
    pub fn is_one(&self) -> bool {
        !self.turns.is_empty()
    }
}
