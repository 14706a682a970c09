//! What the operator asks of the gateway and of inference servers, so that tests can answer in their place.

mod http;

pub use http::{HttpGateway, HttpInference};
pub(crate) use http::{client, socket};

use async_trait::async_trait;
use genesis_client::{Error, ServedModel};
use genesis_core::wire::{AppliedRoute, ArmStatistics, DatasetRequest, DatasetSnapshot, LearningSnapshot};
use genesis_core::{AdapterRef, Digest};

use crate::record::Record;

/// The gateway's internal endpoints.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// From now on this operator asks as the leader with this number.
    fn fence(&self, number: u64);
    /// How much was learned after the watermark `since`.
    async fn learning(&self, namespace: &str, model: &str, since: u64) -> Result<LearningSnapshot, Error>;
    /// Freezes a dataset; the same name gives the same dataset again.
    async fn freeze_dataset(
        &self,
        namespace: &str,
        model: &str,
        request: &DatasetRequest,
    ) -> Result<DatasetSnapshot, Error>;
    /// Live statistics by served name since a time in milliseconds.
    async fn arms(&self, namespace: &str, model: &str, since_ms: i64) -> Result<Vec<ArmStatistics>, Error>;
    /// Takes back what was learned while this adapter answered.
    async fn revert(&self, namespace: &str, model: &str, adapter: &Digest) -> Result<(), Error>;
    /// Keeps what a turn came to; a repeat changes nothing.
    async fn record(&self, namespace: &str, model: &str, record: &Record) -> Result<(), Error>;
    /// The routes it applies now.
    async fn routes(&self) -> Result<Vec<AppliedRoute>, Error>;
}

/// Inference servers by the address of their pod.
#[async_trait]
pub trait Inference: Send + Sync {
    /// The base and the adapters loaded now.
    async fn models(&self, address: &str) -> Result<Vec<ServedModel>, Error>;
    /// Loads an adapter under a name.
    async fn load(&self, address: &str, name: &str, adapter: &AdapterRef) -> Result<(), Error>;
    /// Unloads an adapter; that it is not loaded is no error.
    async fn unload(&self, address: &str, name: &str) -> Result<(), Error>;
    /// log p of every token of `text` after the first, nats.
    async fn score(&self, address: &str, name: &str, text: &str) -> Result<Vec<f64>, Error>;
}
