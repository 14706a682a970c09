use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use genesis_api::{GenesisModel, Rollout};
use genesis_artifacts::{Kind, Store};
use genesis_client::Error;
use genesis_core::Digest;
use genesis_core::wire::{AppliedRoute, ArmStatistics, DatasetRequest, DatasetSnapshot, LearningSnapshot};
use genesis_operator::ports::Gateway;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::arms::arm;

/// A gateway whose clients are content with whatever answers.
pub struct PlayedGateway {
    client: Client,
    store: Store,
    learnings: AtomicU64,
    reverted: Mutex<Vec<Digest>>,
}

impl PlayedGateway {
    pub fn new(client: Client, store: Store) -> Self {
        Self { client, store, learnings: AtomicU64::new(0), reverted: Mutex::default() }
    }

    pub fn learn(&self, count: u64) {
        self.learnings.fetch_add(count, Ordering::SeqCst);
    }

    async fn route(&self) -> AppliedRoute {
        let models = Api::<GenesisModel>::namespaced(self.client.clone(), "default");
        let model = models.get("coder").await.unwrap();
        let rollouts = Api::<Rollout>::namespaced(self.client.clone(), "default");
        let rollouts = rollouts.list(&ListParams::default()).await.unwrap().items;
        let canary = rollouts.iter().find(|rollout| rollout.canary_weight() > 0);
        AppliedRoute {
            namespace: "default".into(),
            model: "coder".into(),
            stable: model.champion_name(),
            canary: canary.map(|rollout| rollout.spec.candidate.served_name("coder")),
            canary_weight: canary.map_or(0, Rollout::canary_weight),
        }
    }
}

#[async_trait]
impl Gateway for PlayedGateway {
    async fn learning(&self, _: &str, _: &str, since: u64) -> Result<LearningSnapshot, Error> {
        let total = self.learnings.load(Ordering::SeqCst);
        Ok(LearningSnapshot {
            total,
            new: total.saturating_sub(since),
            watermark: total,
            verified_rows: total,
            quality_average: 0.95,
            quality_samples: total,
            executions: total,
        })
    }

    async fn freeze_dataset(&self, _: &str, _: &str, request: &DatasetRequest) -> Result<DatasetSnapshot, Error> {
        let dataset = self.store.put(Kind::Dataset, request.name.as_bytes()).unwrap();
        Ok(DatasetSnapshot { dataset, rows: 100, tasks: 30, watermark: self.learnings.load(Ordering::SeqCst) })
    }

    async fn arms(&self, _: &str, _: &str, _: i64) -> Result<Vec<ArmStatistics>, Error> {
        let route = self.route().await;
        Ok([Some(arm(route.stable, 100, 0.7)), route.canary.map(|canary| arm(canary, 100, 0.9))]
            .into_iter()
            .flatten()
            .collect())
    }

    async fn revert(&self, _: &str, _: &str, adapter: &Digest) -> Result<(), Error> {
        self.reverted.lock().unwrap().push(adapter.clone());
        Ok(())
    }

    async fn routes(&self) -> Result<Vec<AppliedRoute>, Error> {
        Ok(vec![self.route().await])
    }
}
