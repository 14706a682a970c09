use genesis_core::Digest;
use genesis_core::wire::{AppliedRoute, ArmStatistics, DatasetRequest, DatasetSnapshot, LearningSnapshot};
use serde_json::json;

use crate::Error;
use crate::transport::Transport;

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

    /// How much was learned after the watermark `since`.
    pub async fn learning(&self, namespace: &str, model: &str, since: u64) -> Result<LearningSnapshot, Error> {
        self.transport.get(&format!("/internal/v1/models/{namespace}/{model}/learning?since={since}")).await
    }

    /// Freezes a dataset; the same name gives the same dataset again.
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

    /// The routes it applies now.
    pub async fn routes(&self) -> Result<Vec<AppliedRoute>, Error> {
        self.transport.get("/internal/v1/routes").await
    }
}
