//! Garbage collection: dependents of what is gone, deletions in the foreground, orphans, the content of namespaces and
//! of custom resource definitions, and old events.
//!
//! It belongs to the cluster itself: it reads the stored state and writes through the API.

mod plan;

use std::time::Duration;

use http::{Method, Request};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};

use self::plan::{Action, is_relevant, plan};
use crate::cluster::{Cluster, ObjectKey, state::State};

/// Changes that come together are looked at together.
const SETTLE: Duration = Duration::from_millis(5);

/// Old events are looked for this often, and everything once more.
const SWEEP_PERIOD: Duration = Duration::from_secs(60);

/// A pass in which a write failed is repeated after this.
const RETRY: Duration = Duration::from_millis(200);

/// Runs the collector.
pub async fn run(cluster: Cluster) {
    let client = cluster.client();
    let mut revisions = cluster.store().revisions();
    let (mut seen, mut due) = (0, true);
    loop {
        if !due {
            let changed = tokio::time::timeout(SWEEP_PERIOD, revisions.changed()).await;
            match changed {
                Ok(Err(_)) => return,
                Ok(Ok(())) => tokio::time::sleep(SETTLE).await,
                Err(_) => due = true,
            }
        }
        let now = Timestamp::now();
        let (revision, actions) = cluster.store().read(|state| {
            let relevant = due || seen < state.compacted() || state.changes_after(seen).any(is_relevant);
            (state.revision(), if relevant { plan(state, now) } else { Vec::new() })
        });
        seen = revision;
        due = false;
        for action in actions {
            if let Err(error) = act(&cluster, &client, &action).await {
                tracing::debug!(%error, ?action, "garbage collection is repeated");
                due = true;
            }
        }
        if due {
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn act(cluster: &Cluster, client: &Client, action: &Action) -> Result<(), kube::Error> {
    match action {
        Action::Delete { key, uid, foreground } => {
            let policy = if *foreground { "Foreground" } else { "Background" };
            let body = json!({ "preconditions": { "uid": uid }, "propagationPolicy": policy });
            send(cluster, client, Method::DELETE, key, "", "application/json", &body).await
        }
        Action::Patch { key, patch } => {
            send(cluster, client, Method::PATCH, key, "", "application/merge-patch+json", patch).await
        }
        Action::FinalizeNamespace { key, namespace } => {
            send(cluster, client, Method::PUT, key, "/finalize", "application/json", namespace).await
        }
    }
}

/// Sends a request about one object; that it is gone or has changed is no error.
async fn send(
    cluster: &Cluster,
    client: &Client,
    method: Method,
    key: &ObjectKey,
    subresource: &str,
    content_type: &str,
    body: &Value,
) -> Result<(), kube::Error> {
    let Some(path) = cluster.store().read(|state| path(state, key)) else { return Ok(()) };
    let request = Request::builder()
        .method(method)
        .uri(path + subresource)
        .header(http::header::CONTENT_TYPE, content_type)
        .header(http::header::USER_AGENT, "garbage-collector/minicluster")
        .body(body.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    super::common::ignore_gone(client.request::<Value>(request).await)
}

/// The API path of a stored object.
fn path(state: &State, key: &ObjectKey) -> Option<String> {
    let resource = state.registry().of_storage(&key.resource)?;
    let version = resource.versions.first()?;
    let base = if resource.group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{}/{version}", resource.group)
    };
    let scope = if resource.namespaced { format!("/namespaces/{}", key.namespace) } else { String::new() };
    Some(format!("{base}{scope}/{}/{}", resource.plural, key.name))
}
