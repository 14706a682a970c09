//! A container's command and environment, resolved as a kubelet does.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret},
};
use kube::{Api, Client, ResourceExt as _};

/// Why a container cannot be set up. It is tried again: what is missing may appear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A ConfigMap or Secret is missing or lacks a key.
    #[error("{0}")]
    Missing(String),
    /// A field of the pod that the downward API does not offer.
    #[error("environment variable {variable}: field {field:?} is not supported by the downward API")]
    Field {
        /// The variable.
        variable: String,
        /// The path.
        field: String,
    },
    /// The container names no command.
    #[error("container has no command: this node runs local processes and has no image to take one from")]
    NoCommand,
}

/// The data of the ConfigMaps and Secrets a container refers to, by kind and name.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    config_maps: BTreeMap<String, BTreeMap<String, String>>,
    secrets: BTreeMap<String, BTreeMap<String, String>>,
}

impl Sources {
    /// Fetches what `container` refers to; what does not exist stays out.
    pub async fn fetch(client: &Client, namespace: &str, container: &Container) -> kube::Result<Self> {
        let mut sources = Self::default();
        let (mut maps, mut secrets) = (Vec::new(), Vec::new());
        for variable in container.env.iter().flatten() {
            let source = variable.value_from.as_ref();
            maps.extend(source.and_then(|s| s.config_map_key_ref.as_ref()).map(|r| r.name.clone()));
            secrets.extend(source.and_then(|s| s.secret_key_ref.as_ref()).map(|r| r.name.clone()));
        }
        for from in container.env_from.iter().flatten() {
            maps.extend(from.config_map_ref.as_ref().map(|r| r.name.clone()));
            secrets.extend(from.secret_ref.as_ref().map(|r| r.name.clone()));
        }
        for name in maps {
            if let Some(map) = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(&name).await? {
                sources.config_maps.insert(name, map.data.unwrap_or_default());
            }
        }
        for name in secrets {
            if let Some(secret) = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(&name).await? {
                let text = |ByteString(bytes)| String::from_utf8_lossy(&bytes).into_owned();
                let data = secret.data.unwrap_or_default().into_iter().map(|(k, v)| (k, text(v))).collect();
                sources.secrets.insert(name, data);
            }
        }
        Ok(sources)
    }
}

/// The environment of a container, in order, with `$(VAR)` expanded.
pub fn variables(
    pod: &Pod,
    container: &Container,
    pod_ip: &str,
    sources: &Sources,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut resolved = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.clone().unwrap_or_default();
        let found = [
            from.config_map_ref.as_ref().map(|r| ("configmap", &r.name, r.optional, sources.config_maps.get(&r.name))),
            from.secret_ref.as_ref().map(|r| ("secret", &r.name, r.optional, sources.secrets.get(&r.name))),
        ];
        for (kind, name, optional, data) in found.into_iter().flatten() {
            match data {
                Some(data) => resolved.extend(data.iter().map(|(k, v)| (format!("{prefix}{k}"), v.clone()))),
                None if optional == Some(true) => {}
                None => return Err(ConfigError::Missing(format!("{kind} {name:?} not found"))),
            }
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            Some(source) => from_source(pod, &variable.name, source, pod_ip, sources)?,
            None => Some(expand(variable.value.as_deref().unwrap_or_default(), &resolved)),
        };
        if let Some(value) = value {
            resolved.insert(variable.name.clone(), value);
        }
    }
    Ok(resolved)
}

fn from_source(
    pod: &Pod,
    variable: &str,
    source: &EnvVarSource,
    pod_ip: &str,
    sources: &Sources,
) -> Result<Option<String>, ConfigError> {
    if let Some(field) = &source.field_ref {
        let unsupported = || ConfigError::Field { variable: variable.to_owned(), field: field.field_path.clone() };
        return downward(pod, &field.field_path, pod_ip).map(Some).ok_or_else(unsupported);
    }
    let key =
        |kind: &str, name: &str, key: &str, optional: Option<bool>, data: Option<&BTreeMap<String, String>>| match data
            .map(|data| data.get(key))
        {
            Some(Some(value)) => Ok(Some(value.clone())),
            _ if optional == Some(true) => Ok(None),
            Some(None) => Err(ConfigError::Missing(format!("couldn't find key {key} in {kind} {name}"))),
            None => Err(ConfigError::Missing(format!("{kind} {name:?} not found"))),
        };
    if let Some(r) = &source.config_map_key_ref {
        return key("ConfigMap", &r.name, &r.key, r.optional, sources.config_maps.get(&r.name));
    }
    if let Some(r) = &source.secret_key_ref {
        return key("Secret", &r.name, &r.key, r.optional, sources.secrets.get(&r.name));
    }
    Err(ConfigError::Field { variable: variable.to_owned(), field: "valueFrom".to_owned() })
}

/// A field of the downward API.
fn downward(pod: &Pod, path: &str, pod_ip: &str) -> Option<String> {
    let spec = pod.spec.as_ref();
    let subscript = |prefix: &str| path.strip_prefix(prefix)?.strip_suffix("']").map(str::to_owned);
    if let Some(key) = subscript("metadata.annotations['") {
        return Some(pod.annotations().get(&key).cloned().unwrap_or_default());
    }
    if let Some(key) = subscript("metadata.labels['") {
        return Some(pod.labels().get(&key).cloned().unwrap_or_default());
    }
    match path {
        "metadata.name" => Some(pod.name_any()),
        "metadata.namespace" => pod.namespace(),
        "metadata.uid" => pod.uid(),
        "spec.nodeName" => spec.and_then(|s| s.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|s| s.service_account_name.clone()),
        "status.podIP" | "status.podIPs" => Some(pod_ip.to_owned()),
        "status.hostIP" | "status.hostIPs" => Some(super::register::HOST_IP.to_owned()),
        _ => None,
    }
}

/// Expands `$(NAME)`; `$$` is a dollar sign, and unknown names stay as they are.
pub fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// Command and arguments with variables expanded.
pub fn command(container: &Container, variables: &BTreeMap<String, String>) -> Result<Vec<String>, ConfigError> {
    let words = container.command.iter().chain(&container.args).flatten();
    let words: Vec<String> = words.map(|word| expand(word, variables)).collect();
    if container.command.as_ref().is_none_or(Vec::is_empty) { Err(ConfigError::NoCommand) } else { Ok(words) }
}

/// The executable of a command's first word: by its base name in `bin_dir`, as a path, or in `path_variable`.
pub fn find_executable(word: &str, bin_dir: &Path, path_variable: &str) -> Option<PathBuf> {
    let base = Path::new(word).file_name()?;
    let in_bin_dir = bin_dir.join(base);
    if in_bin_dir.is_file() {
        return Some(in_bin_dir);
    }
    if word.contains('/') {
        return Some(PathBuf::from(word)).filter(|path| path.is_file());
    }
    std::env::split_paths(path_variable).map(|dir| dir.join(word)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dollar_parentheses_are_expanded() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (text, expected) in [("x$(A)y", "x1y"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A", "$A"), ("$(A", "$(A")] {
            assert_eq!(expand(text, &variables), expected);
        }
    }

    #[test]
    fn variables_see_earlier_ones_and_the_downward_api() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "p", "namespace": "n", "annotations": { "batch.kubernetes.io/job-completion-index": "3" } },
        }))
        .unwrap();
        let container: Container = serde_json::from_value(json!({
            "name": "c", "command": ["run", "--at=$(URL)"],
            "env": [
                { "name": "POD_IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } },
                { "name": "URL", "value": "http://$(POD_IP):8080" },
                { "name": "INDEX", "valueFrom": { "fieldRef": {
                    "fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']" } } },
                { "name": "SECRET", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k", "optional": true } } },
            ],
        }))
        .unwrap();
        let resolved = variables(&pod, &container, "127.1.2.3", &Sources::default()).unwrap();
        assert_eq!(resolved["INDEX"], "3");
        assert!(!resolved.contains_key("SECRET"));
        assert_eq!(command(&container, &resolved).unwrap(), ["run", "--at=http://127.1.2.3:8080"]);
    }
}
