//! Subresources with a form of their own: `pods/binding`, `pods/eviction`, `namespaces/finalize` and `scale`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Written, delete, update};
use crate::cluster::{error::ApiError, meta, store::Writer};

/// `POST pods/<name>/binding`: puts a pod on a node, once.
pub fn bind(writer: &mut Writer<'_>, call: &Call<'_>, body: &Value) -> Result<(), ApiError> {
    let old = call.existing(writer.state())?;
    let group_resource = call.resource.group_resource();
    let node = body["target"]["name"].as_str().unwrap_or_default();
    if node.is_empty() {
        return Err(ApiError::bad_request("target.name: Required value"));
    }
    let uid = meta::uid(body);
    if !uid.is_empty() && uid != meta::uid(&old) {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", meta::uid(&old));
        return Err(ApiError::conflict(&group_resource, call.name(), &why));
    }
    if let Some(current) = old["spec"]["nodeName"].as_str().filter(|n| !n.is_empty()) {
        let why = format!("pod {} is already assigned to node {current:?}", call.name());
        return Err(ApiError::conflict(&group_resource, call.name(), &why));
    }
    let mut pod = old.as_ref().clone();
    pod["spec"]["nodeName"] = json!(node);
    let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.retain(|c| c["type"] != "PodScheduled");
    conditions.push(json!({
        "type": "PodScheduled", "status": "True", "lastTransitionTime": meta::time(call.now),
    }));
    pod["status"]["conditions"] = json!(conditions);
    if !call.query.dry_run {
        writer.put(&call.key(), pod);
    }
    Ok(())
}

/// `POST pods/<name>/eviction`: a deletion that no disruption budget is consulted about here.
pub fn evict(writer: &mut Writer<'_>, call: &Call<'_>, body: &Value) -> Result<(), ApiError> {
    let options = delete::DeleteOptions::read(call, &body["deleteOptions"])?;
    delete::delete(writer, call, &options)?;
    Ok(())
}

/// `PUT namespaces/<name>/finalize`: sets `spec.finalizers`, the last step of a namespace's deletion.
pub fn finalize(writer: &mut Writer<'_>, call: &Call<'_>, body: &Value) -> Result<Written, ApiError> {
    let old = call.existing(writer.state())?;
    let version = meta::resource_version(body);
    if !version.is_empty() && version != meta::resource_version(&old) {
        return Err(ApiError::stale(&call.resource.group_resource(), call.name()));
    }
    let mut namespace = old.as_ref().clone();
    namespace["spec"]["finalizers"] = body["spec"]["finalizers"].clone();
    let object = update::commit(writer, &call.key(), namespace);
    Ok(Written { object, created: false, warnings: Vec::new() })
}

/// Paths of a resource's scale subresource: replicas in spec, replicas in status, selector.
fn scale_paths(call: &Call<'_>) -> Option<[String; 3]> {
    if call.resource.group == "apps" {
        return Some(["/spec/replicas", "/status/replicas", "/spec/selector"].map(str::to_owned));
    }
    let scale = call.resource.custom()?.version(call.version)?.scale.as_ref()?;
    let path = |field: &str| scale[field].as_str().unwrap_or_default().replace('.', "/");
    Some([path("specReplicasPath"), path("statusReplicasPath"), path("labelSelectorPath")])
}

/// The `Scale` of an object.
pub fn scale(call: &Call<'_>, object: &Value) -> Result<Value, ApiError> {
    let [replicas, current, selector] = scale_paths(call).ok_or_else(ApiError::unknown_path)?;
    let at = |path: &str| object.pointer(path).cloned().unwrap_or_default();
    let selector = match at(&selector) {
        Value::String(text) => text,
        labels => {
            let pairs = labels["matchLabels"].as_object().into_iter().flatten();
            pairs.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")
        }
    };
    let copied: serde_json::Map<String, Value> = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"]
        .iter()
        .map(|field| ((*field).to_owned(), object["metadata"][*field].clone()))
        .collect();
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": copied,
        "spec": { "replicas": at(&replicas).as_i64().unwrap_or_default() },
        "status": { "replicas": at(&current).as_i64().unwrap_or_default(), "selector": selector },
    }))
}

/// Applies a changed `Scale`: only `spec.replicas` counts.
pub fn set_scale(writer: &mut Writer<'_>, call: &Call<'_>, scale: &Value) -> Result<Arc<Value>, ApiError> {
    let [replicas, ..] = scale_paths(call).ok_or_else(ApiError::unknown_path)?;
    let old = call.existing(writer.state())?;
    let version = meta::resource_version(scale);
    if !version.is_empty() && version != meta::resource_version(&old) {
        return Err(ApiError::stale(&call.resource.group_resource(), call.name()));
    }
    let mut object = old.as_ref().clone();
    if let Some(at) = object.pointer_mut(&replicas) {
        *at = scale["spec"]["replicas"].clone();
    } else if let Some((parent, field)) = replicas.rsplit_once('/')
        && let Some(parent) = object.pointer_mut(parent)
    {
        parent[field] = scale["spec"]["replicas"].clone();
    }
    // The change of spec goes through the main path's rules.
    let target = crate::cluster::request::Target { subresource: None, ..call.target.clone() };
    let main = Call { resource: call.resource.clone(), target: &target, ..*call };
    update::replace(writer, &main, &old, object, update::Owners::Track)
}
