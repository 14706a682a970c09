//! Pods as processes, on a whole cluster.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Event, Node as NodeObject, Pod, PodStatus};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};

use super::log_path;
use crate::{
    Minicluster, Options,
    testing::{eventually, is_ready, phase, shell, start, typed, until},
};

fn pod(name: &str, spec: &Value) -> Pod {
    typed(json!({ "metadata": { "name": name, "labels": { "l": "v" } }, "spec": spec }))
}

fn status(pod: &Pod) -> PodStatus {
    pod.status.clone().unwrap_or_default()
}

fn restarts(pod: &Pod) -> i32 {
    status(pod).container_statuses.map_or(0, |c| c[0].restart_count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_sees_its_environment_and_ends_as_a_kubelet_would_say() {
    let cluster = start().await;
    let client = cluster.client();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    maps.create(&PostParams::default(), &typed(json!({ "metadata": { "name": "m" }, "data": { "k": "from-map" } })))
        .await
        .unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client);
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
    let mut spec = shell("echo \"$NAME $NS $LABEL $KEY $URL\"; echo \"${PATH:+path} $EXTRA\"; exit 0", "Never");
    spec["containers"][0]["env"] = json!([
        field("NAME", "metadata.name"), field("NS", "metadata.namespace"), field("IP", "status.podIP"),
        field("LABEL", "metadata.labels['l']"),
        { "name": "URL", "value": "http://$(IP)/" },
        { "name": "KEY", "valueFrom": { "configMapKeyRef": { "name": "m", "key": "k" } } },
    ]);
    pods.create(&PostParams::default(), &pod("p", &spec)).await.unwrap();
    let done = until(&pods, "p", "succeeded", |p| phase(p) == "Succeeded").await;
    let ip = status(&done).pod_ip.unwrap();
    assert!(ip.starts_with("127.") && ip != "127.0.0.1");
    let container = &status(&done).container_statuses.unwrap()[0];
    let ended = container.state.clone().unwrap().terminated.unwrap();
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (0, Some("Completed")));
    assert!(ended.started_at.is_some() && !container.ready);
    let condition = |kind: &str| {
        let conditions = status(&done).conditions.unwrap();
        let found = conditions.into_iter().find(|c| c.type_ == kind).unwrap();
        (found.status, found.reason)
    };
    assert_eq!(condition("Ready"), ("False".to_owned(), Some("PodCompleted".to_owned())));
    assert_eq!(condition("PodScheduled"), ("True".to_owned(), None));
    assert_eq!(status(&done).host_ip.as_deref(), Some("127.0.0.1"));
    let log = std::fs::read_to_string(log_path(cluster.data_dir(), "default", "p", "main")).unwrap();
    assert_eq!(log, format!("p default v from-map http://{ip}/\npath \n"));
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_restarted_by_policy_and_back_off() {
    let cluster = start().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    pods.create(&PostParams::default(), &pod("always", &shell("exit 0", "Always"))).await.unwrap();
    pods.create(
        &PostParams::default(),
        &pod("missing", &{
            let mut spec = shell("", "Never");
            spec["containers"][0]["command"] = json!(["no-such-program"]);
            spec
        }),
    )
    .await
    .unwrap();
    let once = "if [ -e again ]; then exit 0; else touch again; exit 7; fi";
    pods.create(&PostParams::default(), &pod("on-failure", &shell(once, "OnFailure"))).await.unwrap();

    let looping = until(&pods, "always", "backing off", |p| {
        let waiting = status(p).container_statuses.and_then(|c| c[0].state.clone()?.waiting);
        waiting.and_then(|w| w.reason).as_deref() == Some("CrashLoopBackOff") && restarts(p) >= 1
    })
    .await;
    assert_eq!(phase(&looping), "Running");
    let last = status(&looping).container_statuses.unwrap()[0].last_state.clone().unwrap().terminated.unwrap();
    assert_eq!(last.reason.as_deref(), Some("Completed"));

    let recovered = until(&pods, "on-failure", "succeeded", |p| phase(p) == "Succeeded").await;
    assert_eq!(restarts(&recovered), 1);
    let missing = until(&pods, "missing", "failed", |p| phase(p) == "Failed").await;
    let ended = status(&missing).container_statuses.unwrap()[0].state.clone().unwrap().terminated.unwrap();
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (128, Some("StartError")));
    let events: Api<Event> = Api::default_namespaced(cluster.client());
    let told = events.list(&ListParams::default().fields("involvedObject.name=missing")).await.unwrap();
    assert!(told.iter().any(|e| e.reason.as_deref() == Some("Failed")), "{told:?}");
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_asks_first_and_then_insists() {
    let cluster = start().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    let mut polite = shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done", "Always");
    // Longer than this test: it ends because it was asked.
    polite["terminationGracePeriodSeconds"] = json!(300);
    pods.create(&PostParams::default(), &pod("polite", &polite)).await.unwrap();
    let deaf = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    pods.create(&PostParams::default(), &pod("deaf", &shell(deaf, "Always"))).await.unwrap();
    for name in ["polite", "deaf"] {
        until_logged(&cluster, name, "up\n").await;
    }
    let begun = Instant::now();
    for name in ["polite", "deaf"] {
        pods.delete(name, &DeleteParams::default()).await.unwrap();
    }
    let gone = |name: &'static str| {
        let pods = pods.clone();
        eventually("gone", move || {
            let pods = pods.clone();
            async move { pods.get_opt(name).await.unwrap().is_none().then_some(()) }
        })
    };
    gone("polite").await;
    gone("deaf").await;
    assert!(begun.elapsed() >= Duration::from_millis(1900));
    until_logged(&cluster, "polite", "up\nbye\n").await;
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_decide_on_readiness_and_restarts() {
    let cluster = start().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    let mut ready = shell("while ! [ -e go ]; do sleep 0.05; done; touch ready; sleep 60", "Always");
    ready["containers"][0]["readinessProbe"] =
        json!({ "exec": { "command": ["test", "-e", "ready"] }, "periodSeconds": 1 });
    pods.create(&PostParams::default(), &pod("ready", &ready)).await.unwrap();
    let unready = until(&pods, "ready", "running", |p| phase(p) == "Running").await;
    assert!(!is_ready(&unready));
    std::fs::write(scratch(cluster.data_dir(), &unready).join("go"), "").unwrap();
    until(&pods, "ready", "ready", is_ready).await;

    let mut sick = shell("sleep 60", "Always");
    sick["containers"][0]["livenessProbe"] =
        json!({ "tcpSocket": { "port": 9 }, "periodSeconds": 1, "failureThreshold": 1 });
    pods.create(&PostParams::default(), &pod("sick", &sick)).await.unwrap();
    until(&pods, "sick", "restarted", |p| restarts(p) >= 1).await;
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_beyond_its_memory_limit_is_killed() {
    let cluster = start().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    let mut spec = shell("x=x; while [ ${#x} -lt 50000000 ]; do x=$x$x; done; sleep 60", "Never");
    spec["containers"][0]["resources"] = json!({ "limits": { "memory": "20Mi" } });
    pods.create(&PostParams::default(), &pod("big", &spec)).await.unwrap();
    let killed = until(&pods, "big", "failed", |p| phase(p) == "Failed").await;
    let ended = status(&killed).container_statuses.unwrap()[0].state.clone().unwrap().terminated.unwrap();
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (137, Some("OOMKilled")));
    cluster.shutdown().await;
}

/// Processes end with the node; pods of the next life are restarted or failed as their policy says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_again_restarts_or_fails_its_pods() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options { data_dir: Some(dir.path().to_owned()), ..Options::in_memory("/nonexistent") };
    let cluster = Minicluster::start(options()).await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    // The grandchild outlives its parent unless the node looks for it.
    let script = "sh -c 'while :; do sleep 0.1; done' & echo $$ > pid; wait";
    for (name, policy) in [("always", "Always"), ("never", "Never")] {
        pods.create(&PostParams::default(), &pod(name, &shell(script, policy))).await.unwrap();
        until(&pods, name, "running", |p| phase(p) == "Running").await;
    }
    let before = pods.get("always").await.unwrap();
    let first_ip = status(&before).pod_ip;
    for name in ["always", "never"] {
        let pid = scratch(dir.path(), &pods.get(name).await.unwrap()).join("pid");
        eventually("started its child", || async { pid.exists().then_some(()) }).await;
    }
    cluster.shutdown().await;
    assert_eq!(marked_processes(dir.path()), 0);

    let cluster = Minicluster::start(options()).await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    let again = until(&pods, "always", "restarted", |p| restarts(p) == 1 && is_ready(p)).await;
    assert_eq!(again.uid(), before.uid());
    assert_ne!(status(&again).pod_ip, first_ip);
    let last = status(&again).container_statuses.unwrap()[0].last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.exit_code, last.reason.as_deref()), (137, Some("ContainerStatusUnknown")));
    let failed = until(&pods, "never", "failed", |p| phase(p) == "Failed").await;
    assert!(status(&failed).conditions.unwrap().iter().any(|c| c.type_ == "DisruptionTarget" && c.status == "True"));
    let nodes: Api<NodeObject> = Api::all(cluster.client());
    assert_eq!(nodes.list(&ListParams::default()).await.unwrap().items.len(), 1);
    cluster.shutdown().await;
}

/// A node that stops lets its containers finish, and is there until they have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_may_finish_what_they_do_when_the_node_stops() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { data_dir: Some(dir.path().to_owned()), ..Options::in_memory("/nonexistent") };
    let cluster = Minicluster::start(options).await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    let mut spec = shell("trap 'sleep 0.5; echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done", "Always");
    spec["terminationGracePeriodSeconds"] = json!(300);
    pods.create(&PostParams::default(), &pod("saver", &spec)).await.unwrap();
    pods.create(&PostParams::default(), &pod("deaf", &shell("trap '' TERM; echo up; sleep 300", "Always")))
        .await
        .unwrap();
    for name in ["saver", "deaf"] {
        until_logged(&cluster, name, "up\n").await;
    }
    cluster.shutdown().await;
    let log = std::fs::read_to_string(log_path(dir.path(), "default", "saver", "main")).unwrap();
    assert_eq!(log, "up\nsaved\n");
    assert_eq!(marked_processes(dir.path()), 0);
}

/// Waits until a pod's log is `text`.
async fn until_logged(cluster: &Minicluster, name: &str, text: &str) {
    let path = log_path(cluster.data_dir(), "default", name, "main");
    eventually("logged", || async { std::fs::read_to_string(&path).is_ok_and(|log| log == text).then_some(()) }).await;
}

/// The folder that a pod's containers run in.
fn scratch(data_dir: &std::path::Path, pod: &Pod) -> std::path::PathBuf {
    data_dir.join("pods").join(pod.uid().unwrap())
}

fn marked_processes(data_dir: &std::path::Path) -> usize {
    let mark = format!("{}={}", super::orphans::MARK, data_dir.display());
    let marked = |entry: &std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|b| *b == 0).any(|v| v == mark.as_bytes())
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter(marked).count()
}
