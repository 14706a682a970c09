use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::*;

fn deployment(replicas: Option<i32>, image: &str) -> Value {
    let mut spec = json!({
        "selector": { "matchLabels": { "app": "a" } },
        "template": { "metadata": { "labels": { "app": "a" } }, "spec": {
            "containers": [{ "name": "c", "image": image }] } },
    });
    if let Some(replicas) = replicas {
        spec["replicas"] = json!(replicas);
    }
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" }, "spec": spec })
}

#[tokio::test]
async fn apply_creates_owns_conflicts_and_forces() {
    let (_cluster, client) = fresh();
    let api: Api<Deployment> = Api::default_namespaced(client);
    let one = PatchParams::apply("one");
    let made = api.patch("d", &one, &Patch::Apply(deployment(Some(1), "i:1"))).await.unwrap();
    assert_eq!(made.metadata.generation, Some(1));
    let again = api.patch("d", &one, &Patch::Apply(deployment(Some(1), "i:1"))).await.unwrap();
    assert_eq!(again.resource_version(), made.resource_version());

    let two = PatchParams::apply("two");
    let (code, reason, message) = refusal(api.patch("d", &two, &Patch::Apply(deployment(Some(3), "i:1"))).await);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    assert_eq!(message, "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas");
    let forced = api.patch("d", &two.clone().force(), &Patch::Apply(deployment(Some(3), "i:1"))).await.unwrap();
    assert_eq!(forced.spec.unwrap().replicas, Some(3));
    // "one" no longer owns replicas, and leaving the field out leaves it to "two".
    let third = api.patch("d", &one, &Patch::Apply(deployment(None, "i:2"))).await;
    assert!(refusal(third).2.contains("conflict with \"two\": .spec.template.spec.containers[name=\"c\"].image"));
    let third = api.patch("d", &one.force(), &Patch::Apply(deployment(None, "i:2"))).await.unwrap();
    assert_eq!(third.spec.unwrap().replicas, Some(3));
}

#[tokio::test]
async fn fields_no_longer_applied_are_removed_or_defaulted() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let apply = |data: Value| {
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": data });
        let maps = maps.clone();
        async move { maps.patch("m", &PatchParams::apply("one"), &Patch::Apply(map)).await.unwrap() }
    };
    apply(json!({ "a": "1", "b": "2" })).await;
    maps.patch("m", &PatchParams::default(), &Patch::Merge(json!({ "data": { "c": "3" } }))).await.unwrap();
    let after = apply(json!({ "a": "1" })).await;
    let keys: Vec<_> = after.data.unwrap().into_keys().collect();
    assert_eq!(keys, ["a", "c"]);
}

#[tokio::test]
async fn status_is_applied_through_its_own_path() {
    let (_cluster, client) = fresh();
    let api = toys(&client, json!({ "type": "object", "properties": { "size": { "type": "integer" } } })).await;
    let whole = |more: Value| {
        let mut object = json!({ "apiVersion": "example.com/v1", "kind": "Toy", "metadata": { "name": "t" }, "spec": { "size": 1 } });
        for (key, value) in more.as_object().unwrap() {
            object[key] = value.clone();
        }
        object
    };
    let parameters = PatchParams::apply("operator").force();
    api.patch("t", &parameters, &Patch::Apply(whole(json!({ "status": { "phase": "x" } })))).await.unwrap();
    assert!(api.get("t").await.unwrap().data.get("status").is_none());
    let status = whole(json!({
        "spec": { "size": 9 },
        "status": { "phase": "Ready", "conditions": [{ "type": "Ready", "status": "True" }] },
    }));
    let after = api.patch_status("t", &parameters, &Patch::Apply(status)).await.unwrap();
    assert_eq!((&after.data["spec"]["size"], &after.data["status"]["phase"]), (&json!(1), &json!("Ready")));
    assert_eq!(after.metadata.generation, Some(1));
    let managers = after.metadata.managed_fields.unwrap();
    assert!(managers.iter().any(|m| m.subresource.as_deref() == Some("status")));
    // Another controller adds a condition of its own; both stay.
    let other = json!({ "apiVersion": "example.com/v1", "kind": "Toy",
        "status": { "conditions": [{ "type": "Other", "status": "True" }] } });
    let after = api.patch_status("t", &PatchParams::apply("other"), &Patch::Apply(other)).await.unwrap();
    assert_eq!(after.data["status"]["conditions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn unknown_fields_are_refused_by_apply_and_warned_about_or_refused_elsewhere() {
    let (_cluster, client) = fresh();
    let api = toys(&client, json!({ "type": "object", "properties": { "size": { "type": "integer" } } })).await;
    let wrong = json!({ "apiVersion": "example.com/v1", "kind": "Toy", "metadata": { "name": "t" },
        "spec": { "colour": "red" } });
    let (code, _, message) = refusal(api.patch("t", &PatchParams::apply("one"), &Patch::Apply(&wrong)).await);
    assert_eq!(code, 500);
    assert_eq!(
        message,
        "failed to create typed patch object (default/t; example.com/v1, Kind=Toy): .spec.colour: field not declared \
         in schema"
    );
    let made = api.create(&PostParams::default(), &toy("t", &json!({ "colour": "red" }))).await.unwrap();
    assert_eq!(made.data["spec"], json!({}));
    let strict = PatchParams {
        field_validation: Some(kube::core::params::ValidationDirective::Strict),
        ..PatchParams::default()
    };
    let (code, _, message) =
        refusal(api.patch("t", &strict, &Patch::Merge(json!({ "spec": { "colour": "red" } }))).await);
    assert_eq!(code, 400);
    assert!(message.ends_with("strict decoding error: unknown field \"spec.colour\""), "{message}");
    let request = http::Request::post("/apis/example.com/v1/namespaces/default/toys")
        .header("content-type", "application/json")
        .body(kube::client::Body::from(serde_json::to_vec(&toy("u", &json!({ "colour": "red" }))).unwrap()));
    let response = client.send(request.unwrap()).await.unwrap();
    assert_eq!(response.headers()["warning"], "299 - \"unknown field \\\"spec.colour\\\"\"");
}
