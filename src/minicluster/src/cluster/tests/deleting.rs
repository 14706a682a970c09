use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace, Pod},
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::json;

use super::*;

#[tokio::test]
async fn finalizers_hold_an_object_until_the_last_is_gone() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let mut map = config_map("m", &json!({}));
    map.finalizers_mut().push("example.com/hold".into());
    maps.create(&PostParams::default(), &map).await.unwrap();
    let pending = maps.delete("m", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert!(pending.metadata.deletion_timestamp.is_some());
    // A second deletion changes nothing.
    let again = maps.delete("m", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(again.resource_version(), pending.resource_version());
    let more = json!({ "metadata": { "finalizers": ["example.com/hold", "example.com/more"] } });
    let (code, _, message) = refusal(maps.patch("m", &PatchParams::default(), &Patch::Merge(more)).await);
    assert!(
        code == 422 && message.contains("no new finalizers can be added if the object is being deleted"),
        "{message}"
    );
    maps.patch("m", &PatchParams::default(), &Patch::Merge(json!({ "metadata": { "finalizers": null } })))
        .await
        .unwrap();
    assert!(maps.get_opt("m").await.unwrap().is_none());
}

#[tokio::test]
async fn preconditions_guard_deletions() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    maps.create(&PostParams::default(), &config_map("m", &json!({}))).await.unwrap();
    let wrong = Preconditions { uid: Some("other".into()), ..Preconditions::default() };
    let parameters = DeleteParams { preconditions: Some(wrong), ..DeleteParams::default() };
    let (code, _, message) = refusal(maps.delete("m", &parameters).await);
    assert!(code == 409 && message.contains("Precondition failed: UID in precondition: other"), "{message}");
    let status = maps.delete("m", &DeleteParams::default()).await.unwrap().right().unwrap();
    assert!(status.is_success());
}

#[tokio::test]
async fn pods_are_deleted_gracefully_once_they_are_bound() {
    let (_cluster, client) = fresh();
    let pods: Api<Pod> = Api::default_namespaced(client);
    let pod = |name: &str, node: &str| -> Pod {
        typed(json!({ "metadata": { "name": name }, "spec": {
            "nodeName": node, "terminationGracePeriodSeconds": 9, "containers": [{ "name": "c", "image": "i" }] } }))
    };
    pods.create(&PostParams::default(), &pod("free", "")).await.unwrap();
    pods.delete("free", &DeleteParams::default()).await.unwrap();
    assert!(pods.get_opt("free").await.unwrap().is_none());
    pods.create(&PostParams::default(), &pod("bound", "n")).await.unwrap();
    let pending = pods.delete("bound", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(pending.metadata.deletion_grace_period_seconds, Some(9));
    let shorter = DeleteParams::default().grace_period(2);
    let pending = pods.delete("bound", &shorter).await.unwrap().left().unwrap();
    assert_eq!(pending.metadata.deletion_grace_period_seconds, Some(2));
    pods.delete("bound", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert!(pods.get_opt("bound").await.unwrap().is_none());
}

/// Jobs of batch/v1 orphan their pods by default: a trap of the real API, kept.
#[tokio::test]
async fn jobs_are_orphaning_unless_told_otherwise() {
    let (_cluster, client) = fresh();
    let jobs: Api<Job> = Api::default_namespaced(client);
    let job: Job = typed(json!({ "metadata": { "name": "j" }, "spec": { "template": { "spec": {
        "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] } } } }));
    jobs.create(&PostParams::default(), &job).await.unwrap();
    let pending = jobs.delete("j", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(pending.finalizers(), ["orphan"]);
    jobs.patch("j", &PatchParams::default(), &Patch::Merge(json!({ "metadata": { "finalizers": null } })))
        .await
        .unwrap();
    jobs.create(&PostParams::default(), &job).await.unwrap();
    assert!(jobs.delete("j", &DeleteParams::background()).await.unwrap().is_right());
}

#[tokio::test]
async fn a_namespace_going_away_takes_nothing_new() {
    let (_cluster, client) = fresh();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace: Namespace = typed(json!({ "metadata": { "name": "n" } }));
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    assert_eq!(namespaces.get("n").await.unwrap().status.unwrap().phase.as_deref(), Some("Terminating"));
    let maps: Api<ConfigMap> = Api::namespaced(client, "n");
    let (code, reason, message) = refusal(maps.create(&PostParams::default(), &config_map("m", &json!({}))).await);
    assert_eq!((code, reason.as_str()), (403, "Forbidden"));
    assert!(message.contains("because it is being terminated"), "{message}");
}

#[tokio::test]
async fn collections_are_deleted_by_selector() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    for (name, label) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let mut map = config_map(name, &json!({}));
        map.labels_mut().insert("l".into(), label.into());
        maps.create(&PostParams::default(), &map).await.unwrap();
    }
    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("l=x")).await.unwrap();
    let left: Vec<_> = maps.list(&ListParams::default()).await.unwrap().iter().map(|m| m.name_any()).collect();
    assert_eq!(left, ["b"]);
}
