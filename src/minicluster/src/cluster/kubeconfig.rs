//! The kubeconfig with which other processes reach the API over HTTP.

use std::net::SocketAddr;

use serde_json::json;

/// Name of cluster, user and context in the file.
pub const NAME: &str = "genesis-minicluster";

/// What stands before the token where it is part of the address.
pub(super) const TOKEN_PATH: &str = "/token/";

/// A kubeconfig for an API on `address` that wants `token`, as YAML.
///
/// The token is part of the address: kubectl sends no credentials over plain HTTP, but keeps a path.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn kubeconfig(address: SocketAddr, token: &str) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": NAME, "cluster": { "server": format!("http://{address}{TOKEN_PATH}{token}") } }],
        "users": [{ "name": NAME, "user": {} }],
        "contexts": [{ "name": NAME, "context": { "cluster": NAME, "user": NAME, "namespace": "default" } }],
        "current-context": NAME,
    }))
}
