use std::time::Duration;

use async_trait::async_trait;
use genesis_api::names::{INFERENCE_ADMIN_PORT, INFERENCE_PORT};
use genesis_client::{Error, GatewayClient, InferenceClient, ServedModel};
use genesis_core::wire::{AppliedRoute, ArmStatistics, DatasetRequest, DatasetSnapshot, LearningSnapshot};
use genesis_core::{AdapterRef, Digest};

use super::{Gateway, Inference};
use crate::record::Record;

/// Longest wait for a connection. Pods that are gone do not answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for an answer; loading an adapter of a large model takes seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The HTTP client that both ports share.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT).build()
}

/// A real gateway.
#[derive(Clone, Debug)]
pub struct HttpGateway(GatewayClient);

impl HttpGateway {
    /// `url` is its internal address, `token` the service token.
    pub fn new(http: reqwest::Client, url: &str, token: &str) -> Self {
        Self(GatewayClient::new(http, url, token))
    }
}

#[async_trait]
impl Gateway for HttpGateway {
    fn fence(&self, number: u64) {
        self.0.fence(number);
    }

    async fn learning(&self, namespace: &str, model: &str, since: u64) -> Result<LearningSnapshot, Error> {
        self.0.learning(namespace, model, since).await
    }

    async fn freeze_dataset(
        &self,
        namespace: &str,
        model: &str,
        request: &DatasetRequest,
    ) -> Result<DatasetSnapshot, Error> {
        self.0.freeze_dataset(namespace, model, request).await
    }

    async fn arms(&self, namespace: &str, model: &str, since_ms: i64) -> Result<Vec<ArmStatistics>, Error> {
        self.0.arms(namespace, model, since_ms).await
    }

    async fn revert(&self, namespace: &str, model: &str, adapter: &Digest) -> Result<(), Error> {
        self.0.revert(namespace, model, adapter).await
    }

    async fn record(&self, namespace: &str, model: &str, record: &Record) -> Result<(), Error> {
        match record {
            Record::Adapter(record) => self.0.record_adapter(namespace, model, record).await,
            Record::Evaluation(record) => self.0.record_evaluation(namespace, model, record).await,
            Record::Promotion(record) => self.0.record_promotion(namespace, model, record).await,
        }
    }

    async fn routes(&self) -> Result<Vec<AppliedRoute>, Error> {
        self.0.routes().await
    }
}

/// Real inference servers.
#[derive(Clone, Debug)]
pub struct HttpInference(reqwest::Client);

impl HttpInference {
    /// All servers are asked through one client.
    pub fn new(http: reqwest::Client) -> Self {
        Self(http)
    }

    fn at(&self, address: &str) -> InferenceClient {
        let public = format!("http://{}", socket(address, INFERENCE_PORT));
        let admin = format!("http://{}", socket(address, INFERENCE_ADMIN_PORT));
        InferenceClient::new(self.0.clone(), &public, &admin)
    }
}

#[async_trait]
impl Inference for HttpInference {
    async fn models(&self, address: &str) -> Result<Vec<ServedModel>, Error> {
        self.at(address).models().await
    }

    async fn load(&self, address: &str, name: &str, adapter: &AdapterRef) -> Result<(), Error> {
        self.at(address).load_adapter(name, &adapter.uri, &adapter.digest).await
    }

    async fn unload(&self, address: &str, name: &str) -> Result<(), Error> {
        self.at(address).unload_adapter(name).await
    }

    async fn score(&self, address: &str, name: &str, text: &str) -> Result<Vec<f64>, Error> {
        self.at(address).score(name, text).await
    }
}

/// `address:port`, with brackets around an IPv6 address.
pub(crate) fn socket(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}
