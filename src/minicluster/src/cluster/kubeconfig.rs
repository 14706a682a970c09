//! The kubeconfig with which other processes reach the API over HTTP.

use std::net::SocketAddr;

use serde_json::json;

/// Name of cluster, user and context in the file.
pub const NAME: &str = "genesis-minicluster";

/// A kubeconfig for an API on `address` that wants `token`, as YAML.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn kubeconfig(address: SocketAddr, token: &str) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": NAME, "cluster": { "server": format!("http://{address}") } }],
        "users": [{ "name": NAME, "user": { "token": token } }],
        "contexts": [{ "name": NAME, "context": { "cluster": NAME, "user": NAME, "namespace": "default" } }],
        "current-context": NAME,
    }))
}
