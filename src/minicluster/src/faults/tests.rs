use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt as _,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::json;

use super::*;
use crate::cluster::{Cluster, Verb};

fn map(name: &str) -> ConfigMap {
    ConfigMap { metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() }, ..ConfigMap::default() }
}

fn client(plan: FaultPlan) -> (Cluster, Faults, Api<ConfigMap>) {
    let cluster = Cluster::in_memory().unwrap();
    let faults = Faults::new(plan);
    let api = Api::default_namespaced(faults.client(cluster.service()));
    (cluster, faults, api)
}

#[tokio::test]
async fn a_lost_reply_is_not_a_lost_write() {
    let plan = FaultPlan::none().request(Pattern::on(Verb::Create, "configmaps"), Nth::Exactly(1), Fault::LoseReply);
    let (_cluster, faults, api) = client(plan);
    assert!(api.create(&PostParams::default(), &map("a")).await.is_err());
    assert_eq!(api.get("a").await.unwrap().name_any(), "a");
    let trace = faults.trace();
    assert_eq!(trace.writes().count(), 1);
    assert_eq!(trace.requests[0].status, Some(201));
}

#[tokio::test]
async fn a_request_dropped_before_the_server_is_not_written() {
    let plan = FaultPlan::none().request(Pattern::writes(), Nth::Exactly(1), Fault::DropBefore);
    let (_cluster, _, api) = client(plan);
    assert!(api.create(&PostParams::default(), &map("a")).await.is_err());
    assert!(api.get_opt("a").await.unwrap().is_none());
    api.create(&PostParams::default(), &map("a")).await.unwrap();
}

#[tokio::test]
async fn refusals_look_like_those_of_a_server() {
    let plan = FaultPlan::none().request(Pattern::writes(), Nth::Between(1, 2), Fault::Answer(409));
    let (_cluster, _, api) = client(plan);
    let error = api.create(&PostParams::default(), &map("a")).await.unwrap_err();
    assert!(matches!(error, kube::Error::Api(status) if status.code == 409 && status.reason == "Conflict"));
}

#[tokio::test]
async fn a_crash_stops_everything_that_follows() {
    let plan = FaultPlan::none().request(Pattern::writes(), Nth::Exactly(2), Fault::CrashAfter);
    let (cluster, faults, api) = client(plan);
    let run = async {
        for name in ["a", "b", "c"] {
            api.create(&PostParams::default(), &map(name)).await.unwrap();
        }
    };
    tokio::select! {
        () = run => panic!("the controller outlived its crash"),
        () = faults.crashed() => {}
    }
    let left: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    let names: Vec<_> = left.list(&Default::default()).await.unwrap().iter().map(|m| m.name_any()).collect();
    assert_eq!(names, ["a", "b"]);
}

/// Whatever happens to its events, a watcher ends with the state of the server.
#[tokio::test]
async fn a_watcher_survives_disturbed_events() {
    for fault in [WatchFault::Duplicate, WatchFault::Merge, WatchFault::Disconnect, WatchFault::Gone] {
        let pattern = Pattern { resource: Some("configmaps".into()), ..Pattern::default() };
        let (cluster, faults, api) = client(FaultPlan::none().event(pattern, Nth::Exactly(2), fault));
        let writer: Api<ConfigMap> = Api::default_namespaced(cluster.client());
        writer.create(&PostParams::default(), &map("a")).await.unwrap();
        let stream = watcher(api, watcher::Config::default()).default_backoff();
        let listed = tokio::sync::Notify::new();
        let writes = async {
            // What is written after the list comes as events.
            listed.notified().await;
            for i in 0..5 {
                let patch = json!({ "data": { "i": i.to_string() } });
                writer.patch("a", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let mut state: BTreeMap<String, String> = BTreeMap::new();
        let follow = async {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                if let Ok(watcher::Event::InitDone) = event {
                    listed.notify_one();
                }
                if let Ok(watcher::Event::Apply(m) | watcher::Event::InitApply(m)) = event {
                    let value = m.data.clone().unwrap_or_default().get("i").cloned().unwrap_or_default();
                    state.insert(m.name_any(), value.clone());
                    if value == "4" {
                        break;
                    }
                }
            }
        };
        tokio::select! {
            () = follow => {}
            () = writes => {}
            () = tokio::time::sleep(Duration::from_secs(10)) => panic!("{fault:?}: the last state never arrived"),
        }
        let hit = faults.trace().events.iter().any(|event| event.fault == Some(fault));
        assert!(hit, "{fault:?} was never injected: {:?}", faults.trace().events);
    }
}

#[test]
fn a_seeded_plan_repeats_itself() {
    let rates = Rates { lose_reply: 0.3, refuse: 0.3, delay: 0.3, ..Rates::default() };
    let seen = Seen {
        verb: Verb::Patch,
        resource: "pods".into(),
        subresource: String::new(),
        namespace: "d".into(),
        name: "p".into(),
    };
    let draw = || {
        let mut plan = FaultPlan::seeded(7, rates);
        (0..50).map(|_| plan.on_request(&seen)).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
    assert!(draw().iter().any(Option::is_some));
}

/// One that starts on an old view sees the past until it catches up, and then everything that it missed.
#[tokio::test]
async fn a_view_of_the_past_stands_still_until_it_catches_up() {
    let cluster = Cluster::in_memory().unwrap();
    let writer: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    let first = writer.create(&PostParams::default(), &map("a")).await.unwrap();
    writer.create(&PostParams::default(), &map("b")).await.unwrap();
    let lag = Lag::at(first.resource_version().unwrap().parse().unwrap());
    let reader: Api<ConfigMap> = Api::default_namespaced(lag.client(cluster.service()));
    let names = async || -> Vec<String> {
        reader.list(&Default::default()).await.unwrap().iter().map(|map| map.name_any()).collect()
    };
    assert_eq!(names().await, ["a"]);
    assert_eq!(reader.get("b").await.unwrap().name_any(), "b", "what is read by name is of now");
    let mut events = std::pin::pin!(watcher(reader.clone(), watcher::Config::default()).applied_objects());
    assert_eq!(events.next().await.unwrap().unwrap().name_any(), "a");
    assert!(tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err());
    lag.catch_up();
    assert_eq!(events.next().await.unwrap().unwrap().name_any(), "b");
    assert_eq!(names().await, ["a", "b"]);
}

#[tokio::test]
async fn a_controller_dies_at_an_event() {
    let pattern = Pattern { resource: Some("configmaps".into()), ..Pattern::default() };
    let (cluster, faults, api) = client(FaultPlan::none().event(pattern, Nth::Exactly(2), WatchFault::Crash));
    let writer: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    writer.create(&PostParams::default(), &map("a")).await.unwrap();
    let follow = watcher(api, watcher::Config::default().streaming_lists()).for_each(|_| async {});
    let write = async {
        for name in ["b", "c", "d"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
            writer.create(&PostParams::default(), &map(name)).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = follow => panic!("the watch ended"),
        () = write => {}
        () = faults.crashed() => {}
        () = tokio::time::sleep(Duration::from_secs(10)) => panic!("it did not die"),
    }
    assert_eq!(faults.trace().events.last().unwrap().seen.name, "b");
}
