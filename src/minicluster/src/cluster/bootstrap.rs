//! What a new cluster starts with.

use http::Method;
use jiff::Timestamp;
use serde_json::json;

use super::{
    dispatch,
    error::ApiError,
    ops::Call,
    request::{Query, Target, Verb},
    store::Store,
};

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Creates the namespaces every cluster has, where they are missing.
pub fn bootstrap(store: &Store) -> Result<(), ApiError> {
    for name in NAMESPACES {
        let target = Target { version: "v1".to_owned(), plural: "namespaces".to_owned(), ..Target::default() };
        let query = Query::default();
        let resource = store.read(|s| s.registry().find("", "v1", "namespaces")).ok_or_else(ApiError::unknown_path)?;
        let call = Call {
            resource,
            version: "v1",
            target: &target,
            query: &query,
            agent: "genesis-minicluster",
            now: Timestamp::now(),
            seed: rand::random(),
        };
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }).to_string();
        let verb = Verb::of(&Method::POST, &target, false).ok_or_else(ApiError::method_not_allowed)?;
        match dispatch::run(store, &call, verb, "application/json", body.as_bytes()).0 {
            Ok(_) => {}
            Err(error) if error.reason == "AlreadyExists" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
