//! Objects for tests, as an API server would hand them out.

use std::sync::Arc;
use std::time::Duration;

use genesis_api::genesis_model::LearningStatus;
use genesis_api::{AdapterReference, GenesisModel};
use genesis_core::Digest;
use jiff::Timestamp;
use serde_json::json;

use crate::config::{Images, Settings};

/// A model with the least that is needed.
pub(crate) fn model() -> GenesisModel {
    serde_json::from_value(json!({
        "apiVersion": "genesis.truth.si/v1alpha1",
        "kind": "GenesisModel",
        "metadata": {
            "name": "coder", "namespace": "ns", "uid": "model-uid", "generation": 1, "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "baseModel": { "uri": "builtin://seedling" },
            "servedModelName": "coder",
            "storage": { "uri": "file:///store" },
            "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
        },
    }))
    .expect("a valid model")
}

/// What the gateway has learned, with this many verified rows.
pub(crate) fn learned(verified_rows: i64) -> LearningStatus {
    LearningStatus { verified_rows, ..LearningStatus::default() }
}

/// A configuration without environment.
pub(crate) fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        images: Images::default(),
        pod_environment: [("RUST_LOG".to_owned(), "info".to_owned())].into(),
        report_url: "http://operator:8090".into(),
        service_token: "secret".into(),
        poll: Duration::from_secs(5),
    })
}

/// An adapter of its own for every number.
pub(crate) fn adapter(number: u64) -> AdapterReference {
    let digest = Digest::of_bytes(&number.to_be_bytes());
    AdapterReference { uri: format!("file:///store/adapters/{}", digest.hex()), digest }
}

/// Seconds after the model was created.
pub(crate) fn at(seconds: i64) -> Timestamp {
    let created: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    Timestamp::from_second(created.as_second() + seconds).expect("a time")
}
