use genesis_core::Digest;
use genesis_core::wire::{
    AdapterRecord, AppliedRoute, ArmStatistics, DatasetRequest, DatasetSnapshot, EvaluationRecord, LearningSnapshot,
    PromotionRecord,
};
use serde_json::json;

use crate::Error;
use crate::transport::Transport;

/// Header with the number of the leader that asks, where operators elect one.
pub const FENCE_HEADER: &str = "x-genesis-fence";

/// The gateway's internal endpoints, as the operator uses them.
#[derive(Clone, Debug)]
pub struct GatewayClient {
    transport: Transport,
}

impl GatewayClient {
    /// `base` is the internal address, `token` the service token.
    pub fn new(http: reqwest::Client, base: &str, token: &str) -> Self {
        Self { transport: Transport::new(http, "the gateway", base, Some(token.to_owned())) }
    }

    /// From now on every request names the leader with this number: the ledger refuses one that has lost the lead.
    pub fn fence(&self, number: u64) {
        self.transport.fence(number);
    }

    /// How much was learned after the watermark `since`.
    pub async fn learning(&self, namespace: &str, model: &str, since: u64) -> Result<LearningSnapshot, Error> {
        self.transport.get(&format!("/internal/v1/models/{namespace}/{model}/learning?since={since}")).await
    }

    /// Freezes a dataset; the same name and uid give the same dataset again.
    pub async fn freeze_dataset(
        &self,
        namespace: &str,
        model: &str,
        request: &DatasetRequest,
    ) -> Result<DatasetSnapshot, Error> {
        self.transport.post(&format!("/internal/v1/models/{namespace}/{model}/datasets"), request).await
    }

    /// Live statistics by served name since a time in milliseconds.
    pub async fn arms(&self, namespace: &str, model: &str, since_ms: i64) -> Result<Vec<ArmStatistics>, Error> {
        self.transport.get(&format!("/internal/v1/models/{namespace}/{model}/arms?since_ms={since_ms}")).await
    }

    /// Takes back what was learned while this adapter answered.
    pub async fn revert(&self, namespace: &str, model: &str, adapter: &Digest) -> Result<(), Error> {
        self.transport
            .tell(&format!("/internal/v1/models/{namespace}/{model}/revert"), &json!({ "adapter": adapter }))
            .await
    }

    /// Has it keep where an adapter came from; a repeat changes nothing.
    pub async fn record_adapter(&self, namespace: &str, model: &str, record: &AdapterRecord) -> Result<(), Error> {
        self.transport.tell(&format!("/internal/v1/models/{namespace}/{model}/adapters"), record).await
    }

    /// Has it keep a verdict; a repeat changes nothing.
    pub async fn record_evaluation(
        &self,
        namespace: &str,
        model: &str,
        record: &EvaluationRecord,
    ) -> Result<(), Error> {
        self.transport.tell(&format!("/internal/v1/models/{namespace}/{model}/evaluations"), record).await
    }

    /// Has it keep a change of champion; a repeat changes nothing. What an adapter answers after it became champion
    /// teaches, though its learnings were taken back before.
    pub async fn record_promotion(&self, namespace: &str, model: &str, record: &PromotionRecord) -> Result<(), Error> {
        self.transport.tell(&format!("/internal/v1/models/{namespace}/{model}/promotions"), record).await
    }

    /// The routes it applies now.
    pub async fn routes(&self) -> Result<Vec<AppliedRoute>, Error> {
        self.transport.get("/internal/v1/routes").await
    }
}
