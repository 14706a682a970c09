//! The API through ordinary clients.

mod applying;
mod custom;
mod deleting;
mod objects;
mod serving;
mod watching;

use k8s_openapi::{
    api::core::v1::ConfigMap, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::{Value, json};

use super::Cluster;

/// A fresh cluster and a client of it.
fn fresh() -> (Cluster, Client) {
    let cluster = Cluster::in_memory().unwrap();
    let client = cluster.client();
    (cluster, client)
}

/// Parses a typed object.
fn typed<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn config_map(name: &str, data: &Value) -> ConfigMap {
    typed(json!({ "metadata": { "name": name }, "data": data }))
}

/// Code, reason and message of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> (u16, String, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Defines `toys.example.com` with the given spec schema and returns an API for it.
async fn toys(client: &Client, spec: Value) -> Api<DynamicObject> {
    let definition: CustomResourceDefinition = typed(json!({
        "metadata": { "name": "toys.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "toys", "kind": "Toy", "shortNames": ["ty"], "categories": ["genesis"] },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "additionalPrinterColumns": [{ "name": "Size", "type": "integer", "jsonPath": ".spec.size" }],
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": spec,
                    "status": { "type": "object", "properties": {
                        "phase": { "type": "string" },
                        "conditions": { "type": "array", "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["type"],
                            "items": { "type": "object", "required": ["type"], "properties": {
                                "type": { "type": "string" }, "status": { "type": "string" } } } },
                    } },
                } } },
            }],
        },
    }));
    Api::all(client.clone()).create(&PostParams::default(), &definition).await.unwrap();
    Api::default_namespaced_with(client.clone(), &toy_resource())
}

fn toy_resource() -> ApiResource {
    ApiResource {
        group: "example.com".into(),
        version: "v1".into(),
        api_version: "example.com/v1".into(),
        kind: "Toy".into(),
        plural: "toys".into(),
    }
}

fn toy(name: &str, spec: &Value) -> DynamicObject {
    typed(json!({ "apiVersion": "example.com/v1", "kind": "Toy", "metadata": { "name": name }, "spec": spec }))
}
