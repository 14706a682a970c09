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
