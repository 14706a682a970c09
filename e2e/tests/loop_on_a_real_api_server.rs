//! The same turn on etcd, kube-apiserver, controller-manager and scheduler: what the minicluster answers differently
//! would show here.

use hack::cluster::ControlPlane;

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_ends_promoted_on_a_real_api_server() {
    let data = tempfile::tempdir().unwrap();
    let plane = ControlPlane::start(&data.path().join("plane")).unwrap();
    let mut options = genesis_e2e::small_turn(&data.path().join("demo"), 12);
    options.kubeconfig = Some(plane.kubeconfig().to_owned());
    let outcome = hack::demo::run(&options).await.unwrap();
    assert_eq!(outcome.get("evaluation/verdict"), "Pass");
    assert_eq!(outcome.get("rollout/completionStatus"), "Promoted");
    assert_eq!(outcome.get("adapter/digest"), outcome.get("served/digest"));
}
