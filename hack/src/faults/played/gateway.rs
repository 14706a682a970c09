//! A gateway whose clients like one arm more than the other.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use genesis_api::{GenesisModel, Rollout};
use genesis_artifacts::{Kind, Store};
use genesis_client::Error;
use genesis_core::Digest;
use genesis_core::wire::{AppliedRoute, ArmStatistics, DatasetRequest, DatasetSnapshot, LearningSnapshot};
use genesis_operator::Record;
use genesis_operator::ports::Gateway;
use kube::api::ListParams;
use kube::{Api, Client};

use super::{lock, not_now};

/// Mean quality of the base's answers.
const BASE_QUALITY: f64 = 0.7;
const WHAT: &str = "the played gateway";

/// Reads routes from the cluster as the real one does, and counts what it is told.
pub struct PlayedGateway {
    client: Client,
    store: Store,
    canary_quality: f64,
    learnings: AtomicU64,
    reverted: Mutex<BTreeSet<Digest>>,
    recorded: Mutex<BTreeSet<String>>,
}

impl PlayedGateway {
    /// The clients find answers of a candidate this good.
    pub fn new(client: Client, store: Store, canary_quality: f64) -> Self {
        Self {
            client,
            store,
            canary_quality,
            learnings: AtomicU64::new(0),
            reverted: Mutex::default(),
            recorded: Mutex::default(),
        }
    }

    /// So much is learned now.
    pub fn learn(&self, count: u64) {
        self.learnings.fetch_add(count, Ordering::SeqCst);
    }

    /// Adapters whose learnings were taken back.
    pub fn reverted(&self) -> BTreeSet<Digest> {
        lock(&self.reverted).clone()
    }

    /// What the ledger was told, without uids.
    pub fn recorded(&self) -> BTreeSet<String> {
        lock(&self.recorded).clone()
    }

    async fn route(&self) -> Result<AppliedRoute, kube::Error> {
        let model = Api::<GenesisModel>::namespaced(self.client.clone(), "default").get("coder").await?;
        let rollouts = Api::<Rollout>::namespaced(self.client.clone(), "default");
        let rollouts = rollouts.list(&ListParams::default()).await?.items;
        let canary = rollouts.iter().find(|rollout| rollout.canary_weight() > 0);
        Ok(AppliedRoute {
            namespace: "default".into(),
            model: "coder".into(),
            stable: model.champion_name(),
            canary: canary.map(|rollout| rollout.spec.candidate.served_name("coder")),
            canary_weight: canary.map_or(0, Rollout::canary_weight),
        })
    }
}

#[async_trait]
impl Gateway for PlayedGateway {
    fn fence(&self, _: u64) {}

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
        let kept = self.store.put(Kind::Dataset, request.name.as_bytes());
        let dataset = kept.map_err(|error| not_now(WHAT, error))?;
        Ok(DatasetSnapshot { dataset, rows: 100, tasks: 30, watermark: self.learnings.load(Ordering::SeqCst) })
    }

    async fn arms(&self, _: &str, _: &str, _: i64) -> Result<Vec<ArmStatistics>, Error> {
        let route = self.route().await.map_err(|error| not_now(WHAT, error))?;
        let arm = |served_name: String, quality: f64| ArmStatistics {
            served_name,
            requests: 100,
            verified: 100,
            passed: (100.0 * quality) as u64,
            quality_sum: 100.0 * quality,
            quality_square_sum: 100.0 * quality * quality,
            infra: 0,
        };
        let canary = route.canary.map(|canary| arm(canary, self.canary_quality));
        Ok([arm(route.stable, BASE_QUALITY)].into_iter().chain(canary).collect())
    }

    async fn revert(&self, _: &str, _: &str, adapter: &Digest) -> Result<(), Error> {
        lock(&self.reverted).insert(adapter.clone());
        Ok(())
    }

    async fn record(&self, _: &str, _: &str, record: &Record) -> Result<(), Error> {
        let words = match record {
            Record::Adapter(adapter) => format!("adapter {} of {}", adapter.adapter.digest, adapter.training_run),
            Record::Evaluation(evaluation) => format!("{} {}", evaluation.name, evaluation.verdict),
            Record::Promotion(promotion) => format!("{} {}", promotion.name, promotion.change),
        };
        lock(&self.recorded).insert(words);
        Ok(())
    }

    async fn routes(&self) -> Result<Vec<AppliedRoute>, Error> {
        Ok(vec![self.route().await.map_err(|error| not_now(WHAT, error))?])
    }
}
