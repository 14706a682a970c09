//! A container's environment: plain values, the downward API, Secrets and ConfigMaps, and `$(NAME)` in them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret};
use kube::{Api, Client, ResourceExt};

use crate::Error;

/// Resolves the variables of a container in their order.
pub async fn resolve(client: &Client, pod: &Pod, container: &Container, address: Ipv4Addr) -> Result<BTreeMap<String, String>, Error> {
    let mut resolved = BTreeMap::new();
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => Some(expand(value, &resolved)),
            (None, Some(source)) => from_source(client, pod, source, address)
                .await
                .map_err(|why| Error::Environment { name: variable.name.clone(), why })?,
            (None, None) => Some(String::new()),
        };
        if let Some(value) = value {
            resolved.insert(variable.name.clone(), value);
        }
    }
    Ok(resolved)
}

/// Replaces `$(NAME)` by its value. Unknown names stay as they are, and `$$` is a dollar: as Kubernetes does it.
pub fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let name = after.strip_prefix('(').and_then(|inner| inner.find(')').map(|end| &inner[..end]));
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(name) = name {
            match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&rest[at..at + name.len() + 3]),
            }
            rest = &after[name.len() + 2..];
        } else {
            out.push('$');
            rest = after;
        }
    }
    out + rest
}

async fn from_source(client: &Client, pod: &Pod, source: &EnvVarSource, address: Ipv4Addr) -> Result<Option<String>, String> {
    let namespace = pod.namespace().unwrap_or_default();
    if let Some(field) = &source.field_ref {
        return downward(pod, &field.field_path, address).map(Some);
    }
    if let Some(key) = &source.secret_key_ref {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
        let secret = secrets.get_opt(&key.name).await.map_err(|error| error.to_string())?;
        let value = secret.and_then(|secret| secret.data?.remove(&key.key)).map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
        return required(value, key.optional, &format!("Secret {} has no key {}", key.name, key.key));
    }
    if let Some(key) = &source.config_map_key_ref {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
        let map = maps.get_opt(&key.name).await.map_err(|error| error.to_string())?;
        let value = map.and_then(|map| map.data?.remove(&key.key));
        return required(value, key.optional, &format!("ConfigMap {} has no key {}", key.name, key.key));
    }
    Err("this node knows fieldRef, secretKeyRef and configMapKeyRef".to_owned())
}

fn required(value: Option<String>, optional: Option<bool>, missing: &str) -> Result<Option<String>, String> {
    if value.is_none() && optional != Some(true) { Err(missing.to_owned()) } else { Ok(value) }
}

fn downward(pod: &Pod, path: &str, address: Ipv4Addr) -> Result<String, String> {
    let keyed = |prefix: &str| path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix("']"));
    Ok(match path {
        "metadata.name" => pod.name_any(),
        "metadata.namespace" => pod.namespace().unwrap_or_default(),
        "metadata.uid" => pod.uid().unwrap_or_default(),
        "status.podIP" | "status.podIPs" => address.to_string(),
        "status.hostIP" => Ipv4Addr::LOCALHOST.to_string(),
        "spec.nodeName" => pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
        "spec.serviceAccountName" => pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone()).unwrap_or_default(),
        _ => {
            if let Some(key) = keyed("metadata.labels['") {
                pod.labels().get(key).cloned().unwrap_or_default()
            } else if let Some(key) = keyed("metadata.annotations['") {
                pod.annotations().get(key).cloned().unwrap_or_default()
            } else {
                return Err(format!("fieldRef {path} is not known"));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_and_parentheses() {
        let variables = BTreeMap::from([("IP".to_owned(), "127.1.2.3".to_owned()), ("EMPTY".to_owned(), String::new())]);
        for (text, want) in [
            ("$(IP):80", "127.1.2.3:80"),
            ("a$(EMPTY)b", "ab"),
            ("$(UNKNOWN)", "$(UNKNOWN)"),
            ("$$(IP)", "$(IP)"),
            ("$IP", "$IP"),
            ("$(IP", "$(IP"),
            ("5$", "5$"),
            ("ü$(IP)ü", "ü127.1.2.3ü"),
        ] {
            assert_eq!(expand(text, &variables), want, "{text}");
        }
    }
}
