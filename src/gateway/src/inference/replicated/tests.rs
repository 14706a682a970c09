use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use std::time::Duration;

use super::*;
use crate::routing::ModelRoute;
use crate::routing::testing::route;

fn request() -> CompletionRequest {
    CompletionRequest {
        model: "seedling".into(),
        prompt: "def f():\n".into(),
        n: 1,
        max_tokens: 8,
        temperature: 0.2,
        top_p: 1.0,
        seed: 1,
    }
}

/// A server that answers with these statuses in turn, then with 200.
async fn server(address: &str, statuses: Vec<u16>) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
    let bound = listener.local_addr().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let answer = move || {
        let call = calls.fetch_add(1, Ordering::SeqCst) as usize;
        let status = statuses.get(call).copied().unwrap_or(200);
        async move {
            let body =
                if status == 200 { json!({"choices": [{"index": 0, "text": "    pass\n"}]}) } else { Value::Null };
            (StatusCode::from_u16(status).unwrap(), Json(body))
        }
    };
    let app = Router::new().route("/v1/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    bound
}

fn model(port: u16, replicas: &[&str]) -> (ReplicatedModel, watch::Sender<Arc<RouteTable>>) {
    let serving = replicas.iter().map(|ip| Replica { pod: (*ip).into(), address: ip.parse().unwrap() }).collect();
    let table = RouteTable::new([ModelRoute { serving, ..route(None) }]);
    let (announce, routes) = watch::channel(Arc::new(table));
    let retry = RetryPolicy { pause: Duration::from_millis(20), ..RetryPolicy::default() };
    (ReplicatedModel::new(reqwest::Client::new(), routes, port, retry), announce)
}

#[tokio::test]
async fn a_replica_that_is_down_is_passed_over() {
    let bound = server("127.0.0.2:0", vec![]).await;
    let (model, _announce) = model(bound.port(), &["127.0.0.1", "127.0.0.2"]);
    for _ in 0..4 {
        assert_eq!(model.complete(&route(None).key, &request()).await.unwrap(), ["    pass\n"]);
    }
}

#[tokio::test]
async fn a_request_waits_for_a_pod_that_restarts() {
    let bound = server("127.0.0.1:0", vec![503, 503]).await;
    let (model, _announce) = model(bound.port(), &["127.0.0.1"]);
    assert!(model.complete(&route(None).key, &request()).await.is_ok());
}

#[tokio::test]
async fn a_request_waits_for_the_first_pod() {
    let bound = server("127.0.0.1:0", vec![]).await;
    let (model, announce) = model(bound.port(), &[]);
    let ready = RouteTable::new([ModelRoute {
        serving: vec![Replica { pod: "p".into(), address: [127, 0, 0, 1].into() }],
        ..route(None)
    }]);
    let key = route(None).key;
    // The request is polled first: it finds no pod and waits.
    let announced = async { announce.send_replace(Arc::new(ready)) };
    let request = request();
    let (answer, _) = tokio::join!(biased; model.complete(&key, &request), announced);
    assert!(answer.is_ok());
}

#[tokio::test]
async fn giving_up_is_bounded_and_says_what_was_met() {
    let (mut model, _announce) = model(1, &["127.0.0.1"]);
    model.retry.total = Duration::from_millis(100);
    let error = model.complete(&route(None).key, &request()).await.unwrap_err();
    let ModelError::Unavailable { attempts, last, .. } = &error else { panic!("{error}") };
    assert!(*attempts > 0 && last.contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let bound = server("127.0.0.1:0", vec![400]).await;
    let (model, _announce) = model(bound.port(), &["127.0.0.1"]);
    assert!(matches!(model.complete(&route(None).key, &request()).await, Err(ModelError::Refused(_))));
}

#[tokio::test]
async fn a_replica_that_does_not_have_the_champion_yet_is_tried_again() {
    let bound = server("127.0.0.1:0", vec![404, 404]).await;
    let (mut model, _announce) = model(bound.port(), &["127.0.0.1"]);
    assert!(model.complete(&route(None).key, &request()).await.is_ok());
    let never = server("127.0.0.1:0", vec![404; 1_000]).await;
    (model.port, model.retry.total) = (never.port(), Duration::from_millis(100));
    let error = model.complete(&route(None).key, &request()).await.unwrap_err();
    assert!(matches!(&error, ModelError::UnknownName { name } if name == "seedling"), "{error}");
}

#[tokio::test]
async fn a_name_that_is_not_the_champion_s_is_not_waited_for() {
    let bound = server("127.0.0.1:0", vec![404]).await;
    let (model, _announce) = model(bound.port(), &["127.0.0.1"]);
    let canary = CompletionRequest { model: "seedling-candidate".into(), ..request() };
    let error = model.complete(&route(None).key, &canary).await.unwrap_err();
    assert!(matches!(error, ModelError::UnknownName { .. }), "{error}");
}

#[tokio::test]
async fn a_replica_that_never_answers_is_given_up_for_another() {
    let good = server("127.0.0.2:0", vec![]).await;
    // It accepts connections and says nothing.
    let _silent = TcpListener::bind(("127.0.0.1", good.port())).await.unwrap();
    let (mut model, _announce) = model(good.port(), &["127.0.0.1", "127.0.0.2"]);
    model.retry.answer = Duration::from_millis(200);
    assert_eq!(model.complete(&route(None).key, &request()).await.unwrap(), ["    pass\n"]);
}
