use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{ConfigMap, Event, Namespace, Pod, Secret, Service},
    events::v1::Event as EventsEvent,
};
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, ObjectMeta, PartialObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::*;

fn post() -> PostParams {
    PostParams::default()
}

fn pod(name: &str) -> Pod {
    typed(json!({ "metadata": { "name": name }, "spec": { "containers": [{ "name": "c", "image": "i" }] } }))
}

#[tokio::test]
async fn creation_fills_metadata_and_refuses_what_a_real_server_refuses() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let made = maps.create(&post(), &config_map("a", &json!({ "k": "v" }))).await.unwrap();
    assert!(made.uid().is_some() && made.creation_timestamp().is_some() && made.resource_version().is_some());
    assert_eq!(made.metadata.managed_fields.unwrap().len(), 1);

    let mut generated = config_map("", &json!({}));
    generated.metadata = ObjectMeta { generate_name: Some("x-".into()), ..ObjectMeta::default() };
    let named = maps.create(&post(), &generated).await.unwrap().name_any();
    assert!(named.starts_with("x-") && named.len() == 7, "{named}");

    let elsewhere: Api<ConfigMap> = Api::namespaced(client.clone(), "nowhere");
    let mut versioned = config_map("v", &json!({}));
    versioned.metadata.resource_version = Some("1".into());
    for (result, expected) in [
        (
            maps.create(&post(), &config_map("a", &json!({}))).await,
            (409, "AlreadyExists", "configmaps \"a\" already exists"),
        ),
        (maps.get("zz").await, (404, "NotFound", "configmaps \"zz\" not found")),
        (
            elsewhere.create(&post(), &config_map("a", &json!({}))).await,
            (404, "NotFound", "namespaces \"nowhere\" not found"),
        ),
        (
            maps.create(&post(), &config_map("", &json!({}))).await,
            (
                422,
                "Invalid",
                "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required",
            ),
        ),
        (
            maps.create(&post(), &versioned).await,
            (500, "", "resourceVersion should not be set on objects to be created"),
        ),
    ] {
        assert_eq!(refusal(result), (expected.0, expected.1.to_owned(), expected.2.to_owned()));
    }
    let (code, _, message) = refusal(maps.create(&post(), &config_map("Bad_Name", &json!({}))).await);
    assert!(code == 422 && message.contains("metadata.name: Invalid value: \"Bad_Name\""), "{message}");
}

#[tokio::test]
async fn stale_updates_conflict_and_updates_that_change_nothing_keep_the_version() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let first = maps.create(&post(), &config_map("a", &json!({ "k": "1" }))).await.unwrap();
    let same = maps.replace("a", &post(), &first).await.unwrap();
    assert_eq!(same.resource_version(), first.resource_version());
    let mut second = first.clone();
    second.data = Some([("k".to_owned(), "2".to_owned())].into());
    let newer = maps.replace("a", &post(), &second).await.unwrap();
    assert_ne!(newer.resource_version(), first.resource_version());
    let (code, reason, message) = refusal(maps.replace("a", &post(), &second).await);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    assert_eq!(
        message,
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes \
         to the latest version and try again"
    );
    let mut other = newer.clone();
    other.metadata.uid = Some("other".into());
    assert_eq!(refusal(maps.replace("a", &post(), &other).await).0, 409);
}

/// An update with the very object that was read changes nothing, whatever defaults the kind has.
#[tokio::test]
async fn reading_and_writing_back_is_a_no_op_for_every_workload() {
    let (_cluster, client) = fresh();
    let template = json!({
        "metadata": { "labels": { "app": "a" } },
        "spec": { "restartPolicy": "Always", "containers": [{
            "name": "c", "image": "i:1", "resources": { "limits": { "cpu": "1" } },
            "readinessProbe": { "httpGet": { "port": 80 } }, "ports": [{ "containerPort": 80 }],
        }] },
    });
    let mut job_template = template.clone();
    job_template["spec"]["restartPolicy"] = json!("Never");
    let selector = json!({ "matchLabels": { "app": "a" } });
    let objects = [
        ("v1", "Pod", "/api/v1/namespaces/default/pods", json!({ "spec": template["spec"] })),
        ("v1", "Service", "/api/v1/namespaces/default/services", json!({ "spec": { "ports": [{ "port": 80 }] } })),
        ("v1", "Secret", "/api/v1/namespaces/default/secrets", json!({ "stringData": { "a": "b" } })),
        (
            "apps/v1",
            "Deployment",
            "/apis/apps/v1/namespaces/default/deployments",
            json!({ "spec": { "selector": selector, "template": template } }),
        ),
        ("batch/v1", "Job", "/apis/batch/v1/namespaces/default/jobs", json!({ "spec": { "template": job_template } })),
    ];
    for (api_version, kind, path, mut object) in objects {
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({ "name": "a" });
        let send = |request: http::request::Builder, body: &Value| {
            let request = request.header("content-type", "application/json").body(body.to_string().into_bytes());
            client.request::<Value>(request.unwrap())
        };
        let made = send(http::Request::post(path), &object).await.unwrap();
        let again = send(http::Request::put(format!("{path}/a")), &made).await.unwrap();
        assert_eq!(made, again, "{kind}");
    }
}

#[tokio::test]
async fn status_and_spec_are_written_through_their_own_paths() {
    let (_cluster, client) = fresh();
    let jobs: Api<Job> = Api::default_namespaced(client);
    let job: Job = typed(json!({
        "metadata": { "name": "j" }, "status": { "active": 5 },
        "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] } } },
    }));
    let made = jobs.create(&post(), &job).await.unwrap();
    assert_eq!(made.status.unwrap().active, None);
    assert_eq!(made.metadata.generation, Some(1));
    let labels = made.spec.clone().unwrap().template.metadata.unwrap().labels.unwrap();
    assert_eq!(labels["batch.kubernetes.io/job-name"], "j");

    let patch = json!({ "spec": { "parallelism": 3 }, "status": { "active": 1 } });
    let after = jobs.patch_status("j", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!((after.spec.unwrap().parallelism, after.status.unwrap().active), (Some(1), Some(1)));
    assert_eq!(after.metadata.generation, Some(1));
    let patch = json!({ "spec": { "suspend": true }, "status": { "active": 9 } });
    let after = jobs.patch("j", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!((after.spec.unwrap().suspend, after.status.unwrap().active), (Some(true), Some(1)));
    assert_eq!(after.metadata.generation, Some(2));

    let patch = json!({ "spec": { "template": { "spec": { "priority": 5 } } } });
    let running = json!({ "status": { "startTime": "2024-01-01T00:00:00Z" } });
    jobs.patch_status("j", &PatchParams::default(), &Patch::Merge(&running)).await.unwrap();
    jobs.patch("j", &PatchParams::default(), &Patch::Merge(json!({ "spec": { "suspend": false } }))).await.unwrap();
    let (code, _, message) = refusal(jobs.patch("j", &PatchParams::default(), &Patch::Merge(&patch)).await);
    assert!(code == 422 && message.contains("spec.template: Invalid value"), "{message}");
    assert!(message.ends_with("field is immutable"), "{message}");
}

#[tokio::test]
async fn defaults_are_those_of_a_real_server() {
    let (_cluster, client) = fresh();
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let made = pods.create(&post(), &pod("p")).await.unwrap();
    let spec = made.spec.unwrap();
    assert_eq!(spec.restart_policy.as_deref(), Some("Always"));
    assert_eq!(spec.termination_grace_period_seconds, Some(30));
    assert_eq!(spec.service_account_name.as_deref(), Some("default"));
    assert_eq!(spec.containers[0].image_pull_policy.as_deref(), Some("Always"));
    assert_eq!(made.status.unwrap().phase.as_deref(), Some("Pending"));

    let services: Api<Service> = Api::default_namespaced(client.clone());
    let service: Service = typed(json!({ "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 80 }] } }));
    let spec = services.create(&post(), &service).await.unwrap().spec.unwrap();
    assert!(spec.cluster_ip.unwrap().starts_with("10.96."));

    let secrets: Api<Secret> = Api::default_namespaced(client);
    let secret: Secret = typed(json!({ "metadata": { "name": "s" }, "stringData": { "k": "v" } }));
    let made = secrets.create(&post(), &secret).await.unwrap();
    assert_eq!(made.data.unwrap()["k"].0, b"v");
    assert_eq!(made.type_.as_deref(), Some("Opaque"));
}

#[tokio::test]
async fn invalid_workloads_are_refused_by_field() {
    let (_cluster, client) = fresh();
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let deployment: Deployment = typed(json!({
        "metadata": { "name": "d" },
        "spec": {
            "selector": { "matchLabels": { "app": "a" } },
            "template": { "metadata": { "labels": { "app": "b" } }, "spec": { "containers": [{ "name": "c" }] } },
        },
    }));
    let (code, _, message) = refusal(deployments.create(&post(), &deployment).await);
    assert_eq!(code, 422);
    assert!(message.contains("spec.template.metadata.labels: Invalid value"), "{message}");
    assert!(message.contains("spec.template.spec.containers[0].image: Required value"), "{message}");
    let jobs: Api<Job> = Api::default_namespaced(client.clone());
    let job: Job = typed(json!({
        "metadata": { "name": "j" }, "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": "i" }] } } },
    }));
    let (_, _, message) = refusal(jobs.create(&post(), &job).await);
    assert!(message.contains("spec.template.spec.restartPolicy: Required value"), "{message}");
    let pods: Api<Pod> = Api::default_namespaced(client);
    pods.create(&post(), &pod("p")).await.unwrap();
    let patch = json!({ "spec": { "containers": [{ "name": "c", "image": "i", "command": ["x"] }] } });
    let (code, _, message) = refusal(pods.patch("p", &PatchParams::default(), &Patch::Merge(patch)).await);
    assert!(code == 422 && message.contains("pod updates may not change fields other than"), "{message}");
}

#[tokio::test]
async fn lists_select_page_and_stay_consistent() {
    let (cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    for i in 0..7 {
        let mut map = config_map(&format!("m{i}"), &json!({}));
        map.labels_mut().insert("parity".into(), if i % 2 == 0 { "even" } else { "odd" }.into());
        maps.create(&post(), &map).await.unwrap();
    }
    let names = |list: &kube::core::ObjectList<ConfigMap>| list.iter().map(|m| m.name_any()).collect::<Vec<_>>();
    let odd = maps.list(&ListParams::default().labels("parity=odd")).await.unwrap();
    assert_eq!(names(&odd), ["m1", "m3", "m5"]);
    let one = maps.list(&ListParams::default().fields("metadata.name=m4")).await.unwrap();
    assert_eq!(names(&one), ["m4"]);
    let page = maps.list(&ListParams::default().limit(3)).await.unwrap();
    assert_eq!(page.metadata.remaining_item_count, Some(4));
    // What changes between two pages is not seen: the list is of one moment.
    maps.delete("m5", &Default::default()).await.unwrap();
    maps.create(&post(), &config_map("m55", &json!({}))).await.unwrap();
    let token = page.metadata.continue_.clone().unwrap();
    let rest = maps.list(&ListParams::default().continue_token(&token)).await.unwrap();
    assert_eq!(names(&rest), ["m3", "m4", "m5", "m6"]);
    assert_eq!(rest.metadata.resource_version, page.metadata.resource_version);
    cluster.compact();
    let (code, reason, _) = refusal(maps.list(&ListParams::default().continue_token(&token)).await);
    assert_eq!((code, reason.as_str()), (410, "Expired"));
    let metadata = Api::<PartialObjectMeta<ConfigMap>>::default_namespaced(client).list(&ListParams::default()).await;
    assert_eq!(metadata.unwrap().items.len(), 7);
    let (code, _, message) = refusal(maps.list(&ListParams::default().fields("spec.x=1")).await);
    assert_eq!((code, message.as_str()), (400, "field label not supported: spec.x"));
}

#[tokio::test]
async fn both_event_apis_show_the_same_events() {
    let (_cluster, client) = fresh();
    let new: Api<EventsEvent> = Api::default_namespaced(client.clone());
    let event: EventsEvent = typed(json!({
        "metadata": { "name": "e" }, "eventTime": "2024-01-01T00:00:00.000000Z", "note": "hello", "type": "Normal",
        "reason": "R", "action": "A", "reportingController": "c", "reportingInstance": "i",
        "regarding": { "kind": "Pod", "name": "p", "namespace": "default" },
    }));
    new.create(&post(), &event).await.unwrap();
    let old: Api<Event> = Api::default_namespaced(client);
    let listed =
        old.list(&ListParams::default().fields("involvedObject.name=p,involvedObject.kind=Pod")).await.unwrap();
    assert_eq!(listed.items[0].message.as_deref(), Some("hello"));
    let patch = json!({ "series": { "count": 2, "lastObservedTime": "2024-01-01T00:00:01.000000Z" } });
    new.patch("e", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    assert_eq!(old.get("e").await.unwrap().series.unwrap().count, Some(2));
}

#[tokio::test]
async fn dry_runs_change_nothing_and_bad_paths_are_unknown() {
    let (_cluster, client) = fresh();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    assert!(maps.create(&dry, &config_map("a", &json!({}))).await.unwrap().uid().is_some());
    assert!(maps.get_opt("a").await.unwrap().is_none());
    let request = http::Request::get("/apis/none.example.com/v1/things").body(vec![]).unwrap();
    let (code, _, message) = refusal(client.request::<Value>(request).await);
    assert_eq!((code, message.as_str()), (404, "the server could not find the requested resource"));
    let namespaces: Api<Namespace> = Api::all(client);
    let names: Vec<_> = namespaces.list(&ListParams::default()).await.unwrap().iter().map(|n| n.name_any()).collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
}
