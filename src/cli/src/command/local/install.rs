//! Applies the definitions and the two Deployments, as often as one likes.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt, discovery};
use serde::Deserialize;

const MANIFEST: &str = include_str!("../../../../../manifests/local/genesis.yaml");
const MANAGER: &str = "genesis-local";

/// Applies the four definitions and waits until the API serves them.
pub async fn crds(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let apply = PatchParams::apply(MANAGER).force();
    for crd in genesis_api::crds() {
        api.patch(&crd.name_any(), &apply, &Patch::Apply(&crd))
            .await
            .with_context(|| format!("apply {}", crd.name_any()))?;
    }
    for crd in genesis_api::crds() {
        wait_established(&api, &crd.name_any()).await?;
    }
    Ok(())
}

async fn wait_established(api: &Api<CustomResourceDefinition>, name: &str) -> Result<()> {
    for _ in 0..150 {
        let conditions = api.get(name).await?.status.and_then(|status| status.conditions).unwrap_or_default();
        if conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the API does not serve {name} 15 s after it was defined")
}

/// Applies the operator and the gateway.
pub async fn parts(client: &Client, words: &[(&str, String)]) -> Result<()> {
    let text =
        words.iter().fold(MANIFEST.to_owned(), |text, (word, value)| text.replace(&format!("${{{word}}}"), value));
    for document in serde_yaml::Deserializer::from_str(&text) {
        let object = serde_json::Value::deserialize(document).context("read manifests/local/genesis.yaml")?;
        let object: DynamicObject = serde_json::from_value(object)?;
        let types = object.types.clone().context("an object has a kind")?;
        let (resource, capabilities) = discovery::pinned_kind(client, &GroupVersionKind::try_from(&types)?).await?;
        let api: Api<DynamicObject> = match (&capabilities.scope, object.namespace()) {
            (discovery::Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(client.clone(), &namespace, &resource)
            }
            _ => Api::all_with(client.clone(), &resource),
        };
        let apply = PatchParams::apply(MANAGER).force();
        api.patch(&object.name_any(), &apply, &Patch::Apply(&object))
            .await
            .with_context(|| format!("apply {}", object.name_any()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_yaml_and_every_word_is_filled_in() {
        let words = [
            "KUBECONFIG",
            "TOKEN",
            "OPERATOR",
            "OPERATOR_HOST",
            "OPERATOR_PORT",
            "GATEWAY_INTERNAL",
            "API",
            "API_HOST",
            "API_PORT",
            "METRICS",
            "DATA",
            "MODELS",
            "LOG",
        ];
        let text = words.iter().fold(MANIFEST.to_owned(), |text, word| text.replace(&format!("${{{word}}}"), "1"));
        assert!(!text.replace("words in ${…}", "").contains("${"), "{text}");
        let documents: Vec<serde_json::Value> = serde_yaml::Deserializer::from_str(&text)
            .map(|document| serde_json::Value::deserialize(document).unwrap())
            .collect();
        assert_eq!(documents.len(), 3);
    }
}
