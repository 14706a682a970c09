use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
    discovery::{Discovery, Scope},
};
use serde_json::json;

use super::*;

#[tokio::test]
async fn custom_objects_are_defaulted_validated_and_ruled() {
    let (_cluster, client) = fresh();
    let api = toys(
        &client,
        json!({
            "type": "object", "required": ["size"],
            "x-kubernetes-validations": [{ "rule": "self.size == oldSelf.size", "message": "size is immutable" }],
            "properties": {
                "size": { "type": "integer", "minimum": 1 },
                "mode": { "type": "string", "enum": ["On", "Off"], "default": "On" },
            },
        }),
    )
    .await;
    let post = PostParams::default();
    let made = api.create(&post, &toy("t", &json!({ "size": 2 }))).await.unwrap();
    assert_eq!(made.data["spec"], json!({ "size": 2, "mode": "On" }));
    for (spec, message) in [
        (json!({}), "spec.size: Required value"),
        (json!({ "size": 0 }), "spec.size in body should be greater than or equal to 1"),
        (json!({ "size": 1, "mode": "Dim" }), "Unsupported value: \"Dim\": supported values: \"On\", \"Off\""),
        (json!({ "size": "two" }), "spec.size in body must be of type integer: \"string\""),
    ] {
        let (code, reason, text) = refusal(api.create(&post, &toy("x", &spec)).await);
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert!(text.starts_with("Toy.example.com \"x\" is invalid: ") && text.contains(message), "{text}");
    }
    let patch = json!({ "spec": { "size": 3 } });
    let (_, _, text) = refusal(api.patch("t", &PatchParams::default(), &Patch::Merge(patch)).await);
    assert!(text.contains("size is immutable"), "{text}");
    let patch = Patch::Strategic(json!({ "spec": {} }));
    assert_eq!(refusal(api.patch("t", &PatchParams::default(), &patch).await).0, 415);
    // A PUT needs the version of the object it replaces.
    let mut blind = made.clone();
    blind.metadata.resource_version = None;
    let (_, _, text) = refusal(api.replace("t", &post, &blind).await);
    assert!(text.contains("metadata.resourceVersion: Invalid value: 0: must be specified for an update"), "{text}");
}

#[tokio::test]
async fn generation_counts_spec_changes_only() {
    let (_cluster, client) = fresh();
    let api = toys(&client, json!({ "type": "object", "properties": { "size": { "type": "integer" } } })).await;
    api.create(&PostParams::default(), &toy("t", &json!({ "size": 1 }))).await.unwrap();
    let parameters = PatchParams::default();
    let mut generations = Vec::new();
    for patch in [
        json!({ "metadata": { "labels": { "a": "b" } } }),
        json!({ "spec": { "size": 1 } }),
        json!({ "spec": { "size": 2 } }),
        json!({ "status": { "phase": "x" } }),
    ] {
        generations.push(api.patch("t", &parameters, &Patch::Merge(patch)).await.unwrap().metadata.generation.unwrap());
    }
    let status = json!({ "status": { "phase": "x" } });
    generations
        .push(api.patch_status("t", &parameters, &Patch::Merge(status)).await.unwrap().metadata.generation.unwrap());
    assert_eq!(generations, [1, 1, 2, 2, 2]);
}

#[tokio::test]
async fn discovery_knows_custom_kinds() {
    let (_cluster, client) = fresh();
    toys(&client, json!({ "type": "object" })).await;
    let discovery = Discovery::new(client.clone()).run().await.unwrap();
    let (resource, capabilities) = discovery.get("example.com").unwrap().recommended_kind("Toy").unwrap();
    assert_eq!(resource.plural, "toys");
    assert_eq!(capabilities.scope, Scope::Namespaced);
    assert!(capabilities.subresources.iter().any(|(r, _)| r.plural == "status"));
    assert_eq!(client.apiserver_version().await.unwrap().minor, "35");
}

#[tokio::test]
async fn tables_show_printer_columns() {
    let (_cluster, client) = fresh();
    let api = toys(&client, json!({ "type": "object", "properties": { "size": { "type": "integer" } } })).await;
    api.create(&PostParams::default(), &toy("t", &json!({ "size": 4 }))).await.unwrap();
    let request = http::Request::get("/apis/example.com/v1/toys")
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
        .body(vec![]);
    let table: serde_json::Value = client.request(request.unwrap()).await.unwrap();
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"][0]["cells"], json!(["t", 4]));
}

#[tokio::test]
async fn malformed_definitions_are_refused() {
    let (_cluster, client) = fresh();
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    let definition: CustomResourceDefinition = typed(json!({
        "metadata": { "name": "wrong.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": { "plural": "toys", "kind": "Toy" },
            "versions": [{ "name": "v1", "served": true, "storage": false,
                           "schema": { "openAPIV3Schema": { "type": "object" } } }],
        },
    }));
    let (code, _, message) = refusal(definitions.create(&PostParams::default(), &definition).await);
    assert_eq!(code, 422);
    assert!(
        message.contains("must be spec.names.plural+\\\".\\\"+spec.group") || message.contains("spec.names.plural"),
        "{message}"
    );
    assert!(message.contains("must have exactly one version marked as storage version"), "{message}");
    assert!(definitions.list(&Default::default()).await.unwrap().iter().all(|d| d.name_any() != "wrong.example.com"));
}
