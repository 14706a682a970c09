use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::cluster::kubeconfig;

#[tokio::test]
async fn the_kubeconfig_reaches_the_api_over_http_and_the_token_is_needed() {
    let (cluster, _) = fresh();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = cluster.clone();
    let server = tokio::spawn(async move { served.serve(listener, "secret").await });
    let client_with = |token: &str| {
        let config = Kubeconfig::from_yaml(&kubeconfig(address, token).unwrap()).unwrap();
        async move {
            let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
            Client::try_from(config).unwrap()
        }
    };
    let maps: Api<ConfigMap> = Api::default_namespaced(client_with("secret").await);
    maps.create(&PostParams::default(), &config_map("m", &json!({}))).await.unwrap();
    let in_process: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    assert_eq!(in_process.get("m").await.unwrap().name_any(), "m");
    let wrong: Api<ConfigMap> = Api::default_namespaced(client_with("guess").await);
    assert_eq!(refusal(wrong.get("m").await).0, 401);
    cluster.close();
    server.await.unwrap().unwrap();
}

/// Runs `kubectl` against a served cluster and returns its standard output.
async fn kubectl(config: &std::path::Path, arguments: &[&str], input: &str) -> String {
    use tokio::io::AsyncWriteExt as _;
    let mut command = tokio::process::Command::new("kubectl");
    command.arg("-v=8").arg("--kubeconfig").arg(config).args(arguments).kill_on_drop(true);
    command.env("HOME", config.parent().unwrap());
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The tool people use. Where it is not installed there is nothing to show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_cannot_tell_the_difference() {
    if std::process::Command::new("kubectl").arg("version").arg("--client").output().is_err() {
        eprintln!("kubectl is not installed: not tried");
        return;
    }
    let (cluster, client) = fresh();
    toys(&client, json!({ "type": "object", "properties": { "size": { "type": "integer", "maximum": 9 } } })).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = cluster.clone();
    let server = tokio::spawn(async move { served.serve(listener, "secret").await });
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("kubeconfig");
    std::fs::write(&config, kubeconfig(address, "secret").unwrap()).unwrap();
    let toy = |size: i32| {
        json!({ "apiVersion": "example.com/v1", "kind": "Toy", "metadata": { "name": "t" }, "spec": { "size": size } })
            .to_string()
    };
    let map = |value: &str| {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": { "k": value } })
            .to_string()
    };
    let apply = ["apply", "-f", "-"];
    assert_eq!(kubectl(&config, &apply, &toy(1)).await, "toy.example.com/t created\n");
    assert_eq!(kubectl(&config, &apply, &toy(1)).await, "toy.example.com/t unchanged\n");
    assert_eq!(kubectl(&config, &apply, &toy(2)).await, "toy.example.com/t configured\n");
    assert_eq!(kubectl(&config, &apply, &map("1")).await, "configmap/m created\n");
    assert_eq!(kubectl(&config, &apply, &map("2")).await, "configmap/m configured\n");
    let server_side = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    assert_eq!(kubectl(&config, &server_side, &map("3")).await, "configmap/m serverside-applied\n");
    let shown = kubectl(&config, &["get", "ty"], "").await;
    assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), ["NAME", "SIZE", "t", "2"]);
    let described = kubectl(&config, &["describe", "toys", "t"], "").await;
    assert!(described.contains("Size:  2"), "{described}");
    kubectl(&config, &["wait", "--for=jsonpath={.spec.size}=2", "toy/t", "--timeout=5s"], "").await;
    kubectl(&config, &["label", "toy/t", "colour=red"], "").await;
    let names = kubectl(&config, &["get", "toys", "-l", "colour=red", "-o", "name"], "").await;
    assert_eq!(names, "toy.example.com/t\n");
    assert_eq!(kubectl(&config, &["delete", "toy", "t"], "").await.split(' ').next(), Some("toy.example.com"));
    cluster.close();
    server.await.unwrap().unwrap();
}
