//! Workloads on a whole cluster, with shells as containers.

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace, Pod, ServiceAccount},
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::testing::{eventually, is_ready, names, phase, pods_until, shell, start, typed, until};

fn deployment(name: &str, replicas: i32, script: &str) -> Deployment {
    typed(json!({
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": shell(script, "Always") },
        },
    }))
}

fn job(name: &str, script: &str, more: &Value) -> Job {
    let mut spec = json!({ "template": { "spec": shell(script, "Never") } });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    typed(json!({ "metadata": { "name": name }, "spec": spec }))
}

fn condition(job: &Job, kind: &str) -> Option<String> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|c| c.type_ == kind && c.status == "True")?;
    Some(found.reason.clone().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_runs_scales_and_rolls() {
    let cluster = start().await;
    let client = cluster.client();
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let sleep = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    deployments.create(&PostParams::default(), &deployment("web", 2, sleep)).await.unwrap();
    let available = |n: i32| {
        move |d: &Deployment| {
            let status = d.status.clone().unwrap_or_default();
            status.available_replicas == Some(n)
                && status.updated_replicas == Some(n)
                && status.replicas == Some(n)
                && status.observed_generation == d.metadata.generation
        }
    };
    until(&deployments, "web", "two available", available(2)).await;
    let before = names(&pods_until(&pods, "app=web", "two ready", |p| p.len() == 2 && p.iter().all(is_ready)).await);

    deployments
        .patch("web", &PatchParams::default(), &Patch::Merge(json!({ "spec": { "replicas": 3 } })))
        .await
        .unwrap();
    until(&deployments, "web", "three available", available(3)).await;
    let scaled = names(&pods_until(&pods, "app=web", "three", |p| p.len() == 3).await);
    assert!(before.iter().all(|name| scaled.contains(name)));

    let template = json!({ "spec": { "template": { "metadata": { "annotations": { "v": "2" } } } } });
    deployments.patch("web", &PatchParams::default(), &Patch::Merge(template)).await.unwrap();
    until(&deployments, "web", "rolled", available(3)).await;
    let rolled = pods_until(&pods, "app=web", "only new pods", |p| {
        p.len() == 3 && p.iter().all(|p| p.annotations().contains_key("v"))
    })
    .await;
    assert!(names(&rolled).iter().all(|name| !scaled.contains(name)));
    let sets: Api<ReplicaSet> = Api::default_namespaced(client.clone());
    assert_eq!(sets.list(&ListParams::default()).await.unwrap().items.len(), 2);

    deployments.delete("web", &DeleteParams::foreground()).await.unwrap();
    eventually("everything gone", || async {
        let none = pods.list(&ListParams::default()).await.unwrap().items.is_empty()
            && sets.list(&ListParams::default()).await.unwrap().items.is_empty();
        (none && deployments.get_opt("web").await.unwrap().is_none()).then_some(())
    })
    .await;
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_complete_retry_fail_and_are_collected() {
    let cluster = start().await;
    let jobs: Api<Job> = Api::default_namespaced(cluster.client());
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    let post = PostParams::default();
    jobs.create(&post, &job("ok", "echo done", &json!({}))).await.unwrap();
    jobs.create(&post, &job("bad", "exit 3", &json!({ "backoffLimit": 1 }))).await.unwrap();
    let policy = json!({ "backoffLimit": 5, "podFailurePolicy": { "rules": [
        { "action": "FailJob", "onExitCodes": { "operator": "In", "values": [42] } }] } });
    jobs.create(&post, &job("user-error", "exit 42", &policy)).await.unwrap();
    jobs.create(&post, &job("slow", "sleep 60", &json!({ "activeDeadlineSeconds": 1 }))).await.unwrap();
    let indexed = json!({ "completionMode": "Indexed", "completions": 3, "parallelism": 2 });
    jobs.create(&post, &job("indexed", "test -n \"$JOB_COMPLETION_INDEX\"", &indexed)).await.unwrap();

    let ok = until(&jobs, "ok", "complete", |j| condition(j, "Complete").is_some()).await;
    let status = ok.status.unwrap();
    assert_eq!((status.succeeded, status.failed, status.active), (Some(1), None, None));
    assert!(status.completion_time.is_some() && status.start_time.is_some());

    let bad = until(&jobs, "bad", "failed", |j| condition(j, "Failed").is_some()).await;
    assert_eq!(condition(&bad, "Failed").unwrap(), "BackoffLimitExceeded");
    assert_eq!(bad.status.unwrap().failed, Some(2));
    let failed = pods_until(&pods, "job-name=bad", "both pods kept", |p| p.len() == 2).await;
    let state = failed[0].status.clone().unwrap().container_statuses.unwrap()[0].state.clone().unwrap();
    assert_eq!(state.terminated.unwrap().exit_code, 3);

    let user = until(&jobs, "user-error", "failed", |j| condition(j, "Failed").is_some()).await;
    assert_eq!(condition(&user, "Failed").unwrap(), "PodFailurePolicy");
    assert_eq!(user.status.unwrap().failed, Some(1));

    let slow = until(&jobs, "slow", "failed", |j| condition(j, "Failed").is_some()).await;
    assert_eq!(condition(&slow, "Failed").unwrap(), "DeadlineExceeded");

    let indexed = until(&jobs, "indexed", "complete", |j| condition(j, "Complete").is_some()).await;
    assert_eq!(indexed.status.unwrap().completed_indexes.as_deref(), Some("0-2"));

    jobs.delete("bad", &DeleteParams::background()).await.unwrap();
    pods_until(&pods, "job-name=bad", "its pods gone", |p| p.is_empty()).await;
    jobs.delete("ok", &DeleteParams::default()).await.unwrap();
    eventually("the job gone", || async { jobs.get_opt("ok").await.unwrap().is_none().then_some(()) }).await;
    let orphans = pods_until(&pods, "job-name=ok", "its pod kept", |p| p.len() == 1).await;
    assert!(orphans[0].owner_references().is_empty());
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_nobody_has_room_for_waits_and_says_why() {
    let cluster = start().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    let mut spec = shell("sleep 60", "Never");
    spec["containers"][0]["resources"] = json!({ "limits": { "nvidia.com/gpu": "1" } });
    pods.create(&PostParams::default(), &typed(json!({ "metadata": { "name": "gpu" }, "spec": spec }))).await.unwrap();
    let pod = until(&pods, "gpu", "unschedulable", |p| {
        p.status
            .as_ref()
            .and_then(|s| s.conditions.as_ref())
            .is_some_and(|c| c[0].reason.as_deref() == Some("Unschedulable"))
    })
    .await;
    let message = pod.status.clone().unwrap().conditions.unwrap()[0].message.clone().unwrap();
    assert_eq!(message, "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.");
    assert_eq!(phase(&pod), "Pending");
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_take_their_content_with_them() {
    let cluster = start().await;
    let client = cluster.client();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.create(&PostParams::default(), &typed(json!({ "metadata": { "name": "n" } }))).await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "n");
    until(&accounts, "default", "a default account", |_| true).await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "n");
    maps.create(&PostParams::default(), &typed(json!({ "metadata": { "name": "m" } }))).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(client, "n");
    let pod = json!({ "metadata": { "name": "p" }, "spec": shell("sleep 60", "Always") });
    pods.create(&PostParams::default(), &typed(pod)).await.unwrap();
    until(&pods, "p", "running", |p| phase(p) == "Running").await;
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    eventually("the namespace gone", || async { namespaces.get_opt("n").await.unwrap().is_none().then_some(()) }).await;
    assert!(pods.get_opt("p").await.unwrap().is_none());
    cluster.shutdown().await;
}
