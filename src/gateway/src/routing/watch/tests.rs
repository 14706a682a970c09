use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::routing::ModelRoute;
use crate::routing::build::tests::{model, pod, rollout};
use crate::routing::testing::adapter;

/// An API server with one list and one watch of each kind.
#[derive(Default)]
struct FakeCluster {
    lists: HashMap<&'static str, Vec<Value>>,
    watches: Mutex<HashMap<&'static str, UnboundedReceiver<Value>>>,
}

impl FakeCluster {
    fn kind(path: &str) -> &'static str {
        ["genesismodels", "rollouts", "pods"].into_iter().find(|kind| path.ends_with(kind)).unwrap()
    }

    fn answer(&self, request: &Request<kube::client::Body>) -> Response<Body> {
        let kind = Self::kind(request.uri().path());
        if !request.uri().query().unwrap_or_default().contains("watch=true") {
            let items = self.lists.get(kind).cloned().unwrap_or_default();
            let list =
                json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "1" }, "items": items });
            return Response::new(Body::from(list.to_string()));
        }
        match self.watches.lock().unwrap().remove(kind) {
            None => Response::new(Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())),
            Some(events) => Response::new(Body::from_stream(stream::unfold(events, |mut events| async move {
                let event = events.recv().await?;
                Some((Ok::<_, Infallible>(Bytes::from(format!("{event}\n"))), events))
            }))),
        }
    }
}

fn client(cluster: FakeCluster) -> Client {
    let cluster = Arc::new(cluster);
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let cluster = Arc::clone(&cluster);
        async move { Ok::<_, Infallible>(cluster.answer(&request)) }
    });
    Client::new(service, "default")
}

fn value(object: &impl serde::Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    value["metadata"]["resourceVersion"] = json!("1");
    value
}

async fn until(routes: &mut Routes, holds: impl Fn(&ModelRoute) -> bool) {
    let waiting = routes.table.wait_for(|table| table.routes().any(|route| holds(route)));
    drop(tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap());
}

fn cluster() -> (FakeCluster, UnboundedSender<Value>) {
    let (change, changes) = unbounded_channel();
    let lists = HashMap::from([
        ("genesismodels", vec![value(&model(None))]),
        ("rollouts", vec![value(&*rollout(&adapter("candidate"), 10, json!({})))]),
        ("pods", vec![value(&*pod("inference", "serving", json!({})))]),
    ]);
    (FakeCluster { lists, watches: Mutex::new(HashMap::from([("rollouts", changes)])) }, change)
}

#[tokio::test]
async fn a_new_weight_acts_when_it_is_told() {
    let (cluster, change) = cluster();
    let shutdown = CancellationToken::new();
    let mut routes = start(&client(cluster), None, &shutdown);
    until(&mut routes, |route| route.applied().canary_weight == 10 && route.serving.len() == 1).await;
    assert!(routes.unsynced.names().is_empty());
    let mut heavier = value(&*rollout(&adapter("candidate"), 50, json!({})));
    heavier["metadata"]["resourceVersion"] = json!("2");
    change.send(json!({ "type": "MODIFIED", "object": heavier })).unwrap();
    until(&mut routes, |route| route.applied().canary_weight == 50).await;
    shutdown.cancel();
}

#[tokio::test]
async fn an_object_that_cannot_be_read_does_not_keep_the_others_out() {
    let (mut cluster, change) = cluster();
    let unreadable = json!({
        "apiVersion": "genesis.truth.si/v1alpha1", "kind": "GenesisModel",
        "metadata": { "name": "of-another-release", "namespace": "default", "resourceVersion": "1" },
        "spec": { "servedModelName": 7 }
    });
    cluster.lists.get_mut("genesismodels").unwrap().push(unreadable);
    let shutdown = CancellationToken::new();
    let mut routes = start(&client(cluster), None, &shutdown);
    until(&mut routes, |route| route.applied().canary_weight == 10 && route.serving.len() == 1).await;
    assert_eq!(routes.table.borrow().routes().count(), 1);
    // Neither does one that comes later.
    let bad = json!({ "apiVersion": "genesis.truth.si/v1alpha1", "kind": "Rollout",
        "metadata": { "name": "bad", "namespace": "default", "resourceVersion": "2" }, "spec": 7 });
    change.send(json!({ "type": "ADDED", "object": bad })).unwrap();
    let mut heavier = value(&*rollout(&adapter("candidate"), 50, json!({})));
    heavier["metadata"]["resourceVersion"] = json!("3");
    change.send(json!({ "type": "MODIFIED", "object": heavier })).unwrap();
    until(&mut routes, |route| route.applied().canary_weight == 50).await;
    shutdown.cancel();
}

#[tokio::test]
async fn what_has_not_been_listed_is_named() {
    let refusing = tower::service_fn(|_: Request<kube::client::Body>| async {
        let mut refused = Response::new(Body::from("{}"));
        *refused.status_mut() = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        Ok::<_, Infallible>(refused)
    });
    let shutdown = CancellationToken::new();
    let routes = start(&Client::new(refusing, "default"), Some("default"), &shutdown);
    assert_eq!(routes.unsynced.names(), ["GenesisModels", "Rollouts", "Pods"]);
    shutdown.cancel();
}
