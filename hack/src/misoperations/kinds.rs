//! One object of each kind with every field set: what the campaign starts from and comes back to.

use anyhow::{Context, Result};
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_artifacts::Store;
use genesis_core::AdapterRef;
use genesis_core::adapter::{PROOF_FILE, Proof, ProofEntry};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::api::ApiResource;
use serde_json::{Value, json};

/// A kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Kind {
    /// A model. It is changed where it stands.
    GenesisModel,
    /// A training.
    TrainingRun,
    /// An evaluation.
    Evaluation,
    /// A canary.
    Rollout,
}

/// Name of the model that all stages have.
pub const MODEL: &str = "coder";
/// Name of the other objects.
const NAME: &str = "by-hand";
const UNKNOWN: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::GenesisModel, Self::TrainingRun, Self::Evaluation, Self::Rollout];

    /// Name of the object of this kind.
    pub fn object(self) -> &'static str {
        if self == Self::GenesisModel { MODEL } else { NAME }
    }

    /// How an API server knows it.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::GenesisModel => ApiResource::erase::<GenesisModel>(&()),
            Self::TrainingRun => ApiResource::erase::<TrainingRun>(&()),
            Self::Evaluation => ApiResource::erase::<Evaluation>(&()),
            Self::Rollout => ApiResource::erase::<Rollout>(&()),
        }
    }

    fn definition(self) -> CustomResourceDefinition {
        match self {
            Self::GenesisModel => GenesisModel::crd(),
            Self::TrainingRun => TrainingRun::crd(),
            Self::Evaluation => Evaluation::crd(),
            Self::Rollout => Rollout::crd(),
        }
    }

    /// Schema of the whole object.
    pub fn schema(self) -> Result<Value> {
        let version = self.definition().spec.versions.into_iter().next().context("the definition has a version")?;
        let schema = version.schema.and_then(|schema| schema.open_api_v3_schema);
        Ok(serde_json::to_value(schema.context("the version has a schema")?)?)
    }

    /// A spec with every field set.
    pub fn spec(self, store: &Store) -> Result<Value> {
        Ok(match self {
            Self::GenesisModel => model(),
            Self::TrainingRun => training_run(),
            Self::Evaluation => evaluation(&adapter(store, "candidate")?, &adapter(store, "baseline")?),
            Self::Rollout => rollout(),
        })
    }
}

/// An adapter that can be loaded and proved.
fn adapter(store: &Store, name: &str) -> Result<AdapterRef> {
    let entry = ProofEntry { text: name.into(), adapter: vec![-0.5, -0.25], base: vec![-1.0, -1.0] };
    let proof = serde_json::to_vec(&Proof { entries: vec![entry] })?;
    let stored = store.put_adapter(&[(PROOF_FILE, &proof), ("adapter_config.json", b"{}")])?;
    Ok(AdapterRef { uri: stored.uri, digest: stored.digest })
}

fn pod(image: &str) -> Value {
    json!({
        "image": image,
        "resources": { "requests": { "cpu": "1" }, "limits": { "memory": "1Gi" } },
        "nodeSelector": { "pool": "a" },
        "tolerations": [{ "key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule" }],
        "runtimeClassName": "gvisor", "priorityClassName": "high",
    })
}

fn with(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

fn storage() -> Value {
    json!({ "uri": "file:///var/lib/genesis/artifacts", "claimName": "artifacts" })
}

fn suites() -> Value {
    json!([
        { "name": "sealed", "uri": "file:///suites/sealed.json", "digest": UNKNOWN },
        { "name": "dev", "uri": "store://suites/dev" },
    ])
}

fn gate() -> Value {
    json!({
        "minImprovementBasisPoints": 100, "confidencePercent": 95, "minTasks": 100, "maxRegressionBasisPoints": 200,
        "maxCoreBrokenBasisPoints": 10,
    })
}

fn sampling() -> Value {
    json!({ "samples": 8, "temperature": "0.8", "maxTokens": 160, "seed": 11 })
}

fn training() -> Value {
    json!({
        "lora": { "rank": 8, "alpha": 16 },
        "hyperparameters": { "learningRate": "5e-3", "epochs": 3, "batchSize": 32 },
        "checkpoint": { "periodSteps": 20 },
        "seed": 7, "backoffLimit": 3, "activeDeadlineSeconds": 86400, "ttlSecondsAfterFinished": 3600,
        "trainer": pod("trainer:1"),
    })
}

fn canary() -> Value {
    json!({
        "steps": [
            { "weight": 10, "minRequests": 20, "minSeconds": 60 },
            { "weight": 100, "minRequests": 20, "minSeconds": 60 },
        ],
        "analysis": {
            "maxRegressionBasisPoints": 200, "alphaPercent": 10, "minRequests": 30, "allFailedLimit": 20,
        },
        "progressDeadlineSeconds": 600, "onFailure": "Pause",
    })
}

fn model() -> Value {
    json!({
        "baseModel": { "uri": "builtin://seedling", "revision": "one" },
        "servedModelName": "coder",
        "storage": storage(),
        "suspend": false,
        "serving": with(pod("serving:1"), json!({ "replicas": 1, "maxLoras": 8, "maxLoraRank": 64 })),
        "sandbox": with(pod("sandbox:1"), json!({ "replicas": 1, "workers": 2 })),
        "generation": {
            "analyticalTemperature": "0.2", "creativeTemperature": "0.8", "creativeSamples": 3, "maxTokens": 160,
            "contextTokenBudget": 512, "maxPatterns": 3, "patternWithholdPercent": 50,
        },
        "triggers": {
            "minNewLearnings": 100, "maxAgeSeconds": 604_800, "qualityFloorBasisPoints": 9000,
            "qualityMinSamples": 100, "minVerifiedRows": 50, "cooldownSeconds": 600,
        },
        "trainingTemplate": with(training(), json!({ "maxPerTask": 4 })),
        "evaluationTemplate": {
            "suites": suites(), "gate": gate(), "sampling": sampling(), "backoffLimit": 3,
            "activeDeadlineSeconds": 21_600, "evaluator": pod("evaluator:1"),
        },
        "rolloutTemplate": canary(),
        "promotionPolicy": "Automatic",
        "revisionHistoryLimit": 10, "successfulRunsHistoryLimit": 3, "failedRunsHistoryLimit": 3,
        "maxConsecutiveRejections": 5,
    })
}

fn training_run() -> Value {
    let own = json!({
        "modelRef": { "name": MODEL },
        "baseModel": { "uri": "builtin://seedling", "revision": "one" },
        "storage": storage(),
        "dataset": {
            "uri": "file:///datasets/d.jsonl", "digest": UNKNOWN, "recipe": "Verified", "maxPerTask": 4,
            "watermark": 5, "seed": 7,
        },
        "suspend": false, "trigger": "by hand",
    });
    with(training(), own)
}

fn evaluation(candidate: &AdapterRef, baseline: &AdapterRef) -> Value {
    json!({
        "modelRef": { "name": MODEL }, "servedModelName": "coder", "storage": storage(),
        "baseline": { "uri": baseline.uri, "digest": baseline.digest },
        "candidate": { "uri": candidate.uri, "digest": candidate.digest },
        "suites": suites(), "gate": gate(), "sampling": sampling(), "suspend": false, "backoffLimit": 3,
        "activeDeadlineSeconds": 21_600, "ttlSecondsAfterFinished": 3600, "evaluator": pod("evaluator:1"),
    })
}

/// Of a candidate that is nowhere: it is never proved, so that the champion stays who it is.
fn rollout() -> Value {
    let own = json!({
        "modelRef": { "name": MODEL },
        "candidate": { "uri": "file:///nowhere", "digest": UNKNOWN },
        "stable": { "uri": "file:///nowhere/else", "digest": UNKNOWN },
        "evaluationRef": { "name": "none" },
        "paused": false, "desiredOutcome": "Auto",
    });
    with(canary(), own)
}
