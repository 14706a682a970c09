//! The same turn in real pods: kubelet, containerd, gVisor, enforced NetworkPolicies, both charts installed by Helm, in a
//! namespace at the restricted Pod Security level. Then what an administrator does next, and a program that tries to
//! get out.

use hack::cluster::node::Missing;

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_ends_promoted_in_pods_under_gvisor() {
    let data = tempfile::tempdir().unwrap();
    let found = match hack::installed::run(&hack::installed::options(data.path())).await {
        Ok(found) => found,
        Err(error) => match error.downcast_ref::<Missing>() {
            Some(missing) => {
                println!("SKIPPED, nothing was tested: {missing}");
                return;
            }
            None => panic!("{error:#}"),
        },
    };
    assert!(found.promoted(), "{found:?}");
}
