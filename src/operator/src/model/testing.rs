//! Objects for tests, as an API server would hand them out.

use std::sync::Arc;
use std::time::Duration;

use genesis_api::genesis_model::LearningStatus;
use genesis_api::{AdapterReference, GenesisModel};
use genesis_core::Digest;
use genesis_core::wire::LearningSnapshot;
use jiff::Timestamp;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use serde_json::json;

use crate::config::{Images, Settings};
use crate::context::Context;
use crate::metrics::Metrics;
use crate::model::Resting;
use crate::model::observe::{Learning, Observed};
use crate::ports::HttpInference;
use crate::serving::{Replica, ReplicaMemory};
use crate::watches::Watches;
use crate::words::LastWritten;

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
        sandbox_runtime_class: None,
        pod_environment: [("RUST_LOG".to_owned(), "info".to_owned())].into(),
        report_url: "http://operator:8090".into(),
        service_token: "secret".into(),
        poll: Duration::from_secs(5),
    })
}

/// A model with one replica and without anything else, that has learned this much.
pub(crate) fn observed(model: GenesisModel, new: u64) -> Observed {
    let learning = LearningSnapshot {
        total: new,
        new,
        watermark: new,
        verified_rows: new,
        quality_average: 0.95,
        quality_samples: 500,
        executions: new,
    };
    Observed {
        model,
        serving: None,
        service: None,
        sandbox: None,
        replicas: vec![Replica { pod: "pod".into(), ..Replica::default() }],
        runs: Vec::new(),
        evaluations: Vec::new(),
        rollouts: Vec::new(),
        learning: Learning::Known(learning),
        settings: settings(),
    }
}

/// What reconcilers share, with nobody beside the Kubernetes API.
pub(crate) fn context(client: Client) -> Context {
    Context {
        recorder: Recorder::new(client.clone(), Reporter::from("genesis-operator")),
        client,
        gateway: None,
        inference: Arc::new(HttpInference::new(reqwest::Client::new())),
        memory: ReplicaMemory::default(),
        resting: Resting::default(),
        written: LastWritten::default(),
        metrics: Metrics::default(),
        watches: Watches::default(),
        settings: settings(),
        clock: Timestamp::now,
    }
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
