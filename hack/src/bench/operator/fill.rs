//! Fills the cluster, while no operator runs.

use std::time::Instant;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use genesis_api::names::{GROUP, MODEL_LABEL, REVISION_LABEL, VERSION};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::mix::{Child, Mix};
use super::stage::Stage;

/// Requests at once.
const AT_ONCE: usize = 24;

/// Objects of one of the four kinds in a namespace.
pub(super) fn api(client: &Client, kind: &str, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource(kind))
}

/// The resource of one of the four kinds.
pub(super) fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, kind))
}

/// Makes everything; how many seconds that took.
pub(super) async fn fill(stage: &Stage, mix: &Mix) -> Result<f64> {
    let begun = Instant::now();
    for number in 0..mix.namespaces {
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": mix.namespace(number) } }))?;
        Api::all(stage.client.clone()).create(&PostParams::default(), &namespace).await?;
    }
    let models = stream::iter(0..mix.models).map(|number| model(stage, mix, number));
    let uids: Vec<String> = models.buffered(AT_ONCE).try_collect().await?;
    let children = stream::iter(mix.children()).map(|child| async {
        let uid = uids.get(child.model).context("its model was made")?;
        make_child(stage, mix, child, uid).await
    });
    children.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Creates an object, then writes its status, where it has one; its uid.
pub(super) async fn create(api: &Api<DynamicObject>, object: Value, status: Option<Value>) -> Result<String> {
    let object: DynamicObject = serde_json::from_value(object)?;
    let name = object.name_any();
    let made = api.create(&PostParams::default(), &object).await.with_context(|| format!("create {name}"))?;
    if let Some(status) = status {
        let patch = Patch::Merge(json!({ "status": status }));
        let patched = api.patch_status(&name, &PatchParams::default(), &patch).await;
        patched.with_context(|| format!("write the status of {name}"))?;
    }
    made.uid().context("a made object has a uid")
}

/// A manifest.
pub(super) fn manifest(kind: &str, metadata: Value, spec: Value) -> Value {
    json!({ "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind, "metadata": metadata, "spec": spec })
}

async fn model(stage: &Stage, mix: &Mix, number: usize) -> Result<String> {
    let (name, namespace) = (Mix::model(number), mix.namespace(number));
    let object = manifest("GenesisModel", json!({ "name": name }), stage.store.model(&name));
    let status = stage.store.model_status(&name, Mix::third_is_over(number));
    create(&api(&stage.client, "GenesisModel", &namespace), object, Some(status)).await
}

async fn make_child(stage: &Stage, mix: &Mix, child: Child, model_uid: &str) -> Result<()> {
    let model = Mix::model(child.model);
    let mut metadata = json!({ "name": child.name });
    if let Some(turn) = child.turn {
        metadata["labels"] = json!({ MODEL_LABEL: model, REVISION_LABEL: turn.to_string() });
        metadata["ownerReferences"] = json!([{
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "GenesisModel", "name": model, "uid": model_uid,
            "controller": true, "blockOwnerDeletion": true,
        }]);
    }
    let kind = child.kind.to_string();
    let object = manifest(&kind, metadata, stage.store.spec(&child));
    let api = api(&stage.client, &kind, &mix.namespace(child.model));
    create(&api, object, stage.store.status(&child)).await.map(drop)
}
