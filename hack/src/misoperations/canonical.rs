//! Where a stage stands, without what differs between any two stages: times, uids, addresses, numbers of generations.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use crate::faults::Stage;

/// What differs, wherever it stands. A program that did not hear that it was heard says again that it has begun.
const VOLATILE: [&str; 10] = [
    "attempts",
    "lastTransitionTime",
    "observedGeneration",
    "rejectionsGeneration",
    "message",
    "duration",
    "time",
    "clusterIP",
    "clusterIPs",
    "startTime",
];

/// The object of a kind with all that was made for it, as text that can be compared.
pub async fn of(stage: &Stage, kind: Kind) -> Result<String> {
    let mut uids = Vec::new();
    let mut whole = Map::new();
    for kind in [Kind::GenesisModel, kind] {
        let api = objects(stage, kind);
        let Some(object) = api.get_opt(kind.object()).await? else { continue };
        uids.extend(object.uid());
        whole.insert(kind.to_string(), json!({ "spec": object.data["spec"], "status": object.data["status"] }));
    }
    whole.insert("deployments".into(), specs::<Deployment>(stage, &mut uids).await?);
    whole.insert("services".into(), specs::<Service>(stage, &mut uids).await?);
    whole.insert("jobs".into(), specs::<Job>(stage, &mut uids).await?);
    for kind in Kind::ALL {
        let names: Vec<String> =
            objects(stage, kind).list(&ListParams::default()).await?.iter().map(ResourceExt::name_any).collect();
        whole.insert(format!("names of {kind}"), json!(names));
    }
    let mut whole = Value::Object(whole);
    still(&mut whole);
    let mut text = serde_json::to_string_pretty(&whole)?;
    for uid in uids.iter().filter(|uid| !uid.is_empty()) {
        text = text.replace(uid.as_str(), "UID");
    }
    for pod in Api::<Pod>::namespaced(stage.client.clone(), "default").list(&ListParams::default()).await? {
        let address = pod.status.and_then(|status| status.pod_ip).unwrap_or_default();
        text = text.replace(&format!("//{address}:"), "//POD:").replace(&format!("\"{address}:"), "\"POD:");
    }
    Ok(text.replace(&stage.store.uri(), "STORE").replace(&stage.operator.to_string(), "OPERATOR"))
}

/// The objects of a kind.
pub fn objects(stage: &Stage, kind: Kind) -> Api<DynamicObject> {
    Api::namespaced_with(stage.client.clone(), "default", &kind.resource())
}

async fn specs<K>(stage: &Stage, uids: &mut Vec<String>) -> Result<Value>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize,
{
    let found = Api::<K>::namespaced(stage.client.clone(), "default").list(&ListParams::default()).await?;
    let mut specs = Map::new();
    for object in found {
        uids.extend(object.uid());
        let mut spec = serde_json::to_value(&object)?["spec"].take();
        if K::kind(&()) == "Job" {
            // What is left of an Evaluation's time when its attempt begins.
            spec.as_object_mut().and_then(|spec| spec.remove("activeDeadlineSeconds"));
        }
        specs.insert(object.name_any(), spec);
    }
    Ok(Value::Object(specs))
}

/// Takes out what moves.
fn still(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !VOLATILE.contains(&name.as_str()) && !name.ends_with("Time"));
            fields.values_mut().for_each(still);
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        // The Secret of a Job is named after the uid of its owner.
        Value::String(text) => {
            let digits = text.rsplit_once("-report-").map_or("", |(_, digits)| digits);
            if digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                text.truncate(text.len() - digits.len());
            }
        }
        _ => {}
    }
}

/// What differs between two texts, line by line.
pub fn difference(wanted: &str, found: &str) -> String {
    let lines = |text: &str, other: &str, sign: &str| -> Vec<String> {
        let others: Vec<&str> = other.lines().collect();
        text.lines().filter(|line| !others.contains(line)).map(|line| format!("{sign}{line}")).collect()
    };
    let mut all = lines(wanted, found, "-");
    all.extend(lines(found, wanted, "+"));
    all.truncate(40);
    all.join("\n")
}

/// Whether the object speaks of its present spec, and is as it should be or says why not.
pub fn says_how_it_stands(object: &DynamicObject) -> Result<(), String> {
    let status = &object.data["status"];
    if status["observedGeneration"].as_i64() != object.metadata.generation {
        return Err("its status speaks of another generation".into());
    }
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let holds = |kind: &str| conditions.iter().find(|found| found["type"] == kind && found["status"] == "True");
    if ["Ready", "Complete", "Completed"].into_iter().any(|kind| holds(kind).is_some()) {
        return Ok(());
    }
    let explains = |condition: &&Value| {
        let text = |field: &str| !condition[field].as_str().unwrap_or_default().is_empty();
        text("reason") && text("message")
    };
    let waits =
        ["Stalled", "Reconciling", "Failed", "Suspended", "Paused", "Progressing"].into_iter().filter_map(holds);
    let not_ready = conditions.iter().find(|found| found["type"] == "Ready");
    match waits.chain(not_ready).find(explains) {
        Some(_) => Ok(()),
        None => Err(format!("no condition says why it waits: {}", status["conditions"])),
    }
}
