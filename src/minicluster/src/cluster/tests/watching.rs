use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    runtime::{WatchStreamExt as _, reflector, watcher},
};
use serde_json::json;

use super::*;

fn told(event: &WatchEvent<ConfigMap>) -> String {
    match event {
        WatchEvent::Added(m) => format!("added {}", m.name_any()),
        WatchEvent::Modified(m) => format!("modified {}", m.name_any()),
        WatchEvent::Deleted(m) => format!("deleted {}", m.name_any()),
        WatchEvent::Bookmark(b) => format!("bookmark {}", b.metadata.annotations.len()),
        WatchEvent::Error(e) => format!("error {} {}", e.code, e.reason),
    }
}

async fn take(api: &Api<ConfigMap>, parameters: &WatchParams, from: &str, count: usize) -> Vec<String> {
    let stream = api.watch(parameters, from).await.unwrap();
    let events: Vec<_> = stream.take(count).try_collect().await.unwrap();
    events.iter().map(told).collect()
}

#[tokio::test]
async fn a_watch_resumes_where_it_was_told_to() {
    let (cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let first = maps.create(&PostParams::default(), &config_map("a", &json!({}))).await.unwrap();
    maps.create(&PostParams::default(), &config_map("b", &json!({}))).await.unwrap();
    maps.patch("a", &PatchParams::default(), &Patch::Merge(json!({ "data": { "x": "1" } }))).await.unwrap();
    maps.delete("b", &DeleteParams::default()).await.unwrap();
    let since = first.resource_version().unwrap();
    let all = take(&maps, &WatchParams::default(), &since, 3).await;
    assert_eq!(all, ["added b", "modified a", "deleted b"]);
    assert_eq!(
        take(&maps, &WatchParams::default().fields("metadata.name=b"), &since, 2).await,
        ["added b", "deleted b"]
    );
    assert_eq!(take(&maps, &WatchParams::default(), "0", 1).await, ["added a"]);
    cluster.compact();
    assert_eq!(take(&maps, &WatchParams::default(), &since, 1).await, ["error 410 Expired"]);
    let future = maps.watch(&WatchParams::default(), "999999").await;
    let Err(kube::Error::Api(status)) = future.map(|_| ()) else { panic!("a watch in the future was accepted") };
    assert_eq!((status.code, status.reason.as_str()), (504, "Timeout"));
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    maps.create(&PostParams::default(), &config_map("a", &json!({}))).await.unwrap();
    let events = take(&maps, &WatchParams::streaming_lists(), "0", 2).await;
    assert_eq!(events, ["added a", "bookmark 1"]);
}

#[tokio::test]
async fn objects_enter_and_leave_a_selection() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let stream = maps.watch(&WatchParams::default().labels("on=yes"), "0").await.unwrap();
    maps.create(&PostParams::default(), &config_map("a", &json!({}))).await.unwrap();
    for label in ["yes", "no"] {
        let patch = json!({ "metadata": { "labels": { "on": label } } });
        maps.patch("a", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }
    let events: Vec<_> = stream.take(2).try_collect().await.unwrap();
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), ["added a", "deleted a"]);
}

#[tokio::test]
async fn a_watch_ends_at_its_timeout() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let events: Vec<_> =
        maps.watch(&WatchParams::default().timeout(1), "0").await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), ["bookmark 0"]);
}

/// kube's reflector follows every change, with both ways of listing.
#[tokio::test]
async fn reflectors_hold_what_the_server_holds() {
    for config in [watcher::Config::default().page_size(2), watcher::Config::default().streaming_lists()] {
        let (_cluster, client) = fresh();
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        for i in 0..5 {
            maps.create(&PostParams::default(), &config_map(&format!("m{i}"), &json!({}))).await.unwrap();
        }
        let (store, writer) = reflector::store();
        let follow = tokio::spawn(
            watcher(maps.clone(), config).reflect(writer).applied_objects().for_each(|_| std::future::ready(())),
        );
        store.wait_until_ready().await.unwrap();
        maps.delete("m0", &DeleteParams::default()).await.unwrap();
        maps.create(&PostParams::default(), &config_map("m9", &json!({}))).await.unwrap();
        let mut names = Vec::new();
        for _ in 0..100 {
            names = store.state().iter().map(|m| m.name_any()).collect();
            names.sort();
            if names.contains(&"m9".to_owned()) && !names.contains(&"m0".to_owned()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        follow.abort();
        assert_eq!(names, ["m1", "m2", "m3", "m4", "m9"]);
    }
}

#[tokio::test]
async fn a_change_reaches_a_watch_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::open(dir.path()).unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    let mut stream = std::pin::pin!(maps.watch(&WatchParams::default(), "0").await.unwrap());
    let mut times = Vec::new();
    for i in 0..30 {
        let begun = Instant::now();
        maps.create(&PostParams::default(), &config_map(&format!("m{i}"), &json!({}))).await.unwrap();
        stream.try_next().await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    eprintln!("create + watch on disk: median {:?}, longest {:?}", times[15], times[29]);
    // How long a write to the disk takes is the machine's business; nothing waits for a period or a bookmark.
    assert!(times[15] < Duration::from_secs(2), "median {:?}", times[15]);
}
