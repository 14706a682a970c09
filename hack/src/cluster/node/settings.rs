//! What containerd, runsc, the bridge, the kubelet and kube-proxy are told.

use std::path::Path;

use serde_json::{Value, json};

use super::layout::{BRIDGE, CONTAINERD_SOCKET, DNS_ADDRESS, DOMAIN, Layout, NAME, PAUSE, PODS};

/// containerd with runc as the default and gVisor as the handler `runsc`.
pub(super) fn containerd(layout: &Layout, cni: &Path) -> String {
    let path = |name: &str| layout.file(name).display().to_string();
    format!(
        r#"version = 3
root = "{root}"
state = "/run/containerd"

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
pinned_images = {{ sandbox = "{PAUSE}" }}

[plugins."io.containerd.cri.v1.runtime"]
# A root without CAP_SYS_RESOURCE may not lower the score that the kubelet asks for.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{cni}"]
conf_dir = "{cni_settings}"

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runsc]
runtime_type = "io.containerd.runsc.v1"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runsc.options]
TypeUrl = "io.containerd.runsc.v1.options"
ConfigPath = "{runsc}"
"#,
        root = path("containerd"),
        cni = cni.display(),
        cni_settings = path("settings/cni"),
        runsc = path("settings/runsc.toml"),
    )
}

/// gVisor on the platform that needs nothing of the machine's virtualisation.
pub(super) fn runsc() -> &'static str {
    "[runsc_config]\nplatform = \"systrap\"\nnetwork = \"sandbox\"\n"
}

/// Pods on one bridge, which is the node's address as well.
pub(super) fn cni(layout: &Layout) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": true,
            "ipMasq": false,
            // A pod may reach itself through a Service.
            "hairpinMode": true,
            "ipam": {
                "type": "host-local",
                "dataDir": layout.file("addresses"),
                "ranges": [[{ "subnet": PODS, "rangeStart": "10.77.0.10" }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        }],
    })
}

/// The kubelet. It asks the API server who may call it.
pub(super) fn kubelet(ca: &Path, certificate: &Path, key: &Path, cgroup: &str) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": ca },
        },
        "authorization": { "mode": "Webhook" },
        "tlsCertFile": certificate,
        "tlsPrivateKeyFile": key,
        "readOnlyPort": 0,
        "containerRuntimeEndpoint": format!("unix://{CONTAINERD_SOCKET}"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{cgroup}"),
        "failCgroupV1": false,
        "failSwapOn": false,
        "enforceNodeAllocatable": [],
        "makeIPTablesUtilChains": false,
        "podPidsLimit": 256,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": DOMAIN,
        // There is no name server outside.
        "resolvConf": "",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        // A developer's disk is often nearly full, and nothing here grows.
        "evictionHard": { "memory.available": "64Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
        "imageGCHighThresholdPercent": 100,
        // Tests wait for pods.
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "2s",
        "registerWithTaints": [],
    })
}

/// kube-proxy. What is no setting of its own network is left alone.
pub(super) fn proxy(kubeconfig: &Path) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": { "kubeconfig": kubeconfig },
        "hostnameOverride": NAME,
        "clusterCIDR": PODS,
        "detectLocalMode": "ClusterCIDR",
        "conntrack": { "maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s" },
        "iptables": { "minSyncPeriod": "100ms" },
        "metricsBindAddress": "127.0.0.1:10249",
        "healthzBindAddress": "127.0.0.1:10256",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout::new(Path::new("/node"))
    }

    #[test]
    fn containerd_has_both_runtimes() {
        insta::assert_snapshot!(containerd(&layout(), Path::new("/usr/lib/cni")));
    }

    #[test]
    fn pods_share_a_bridge() {
        insta::assert_yaml_snapshot!(cni(&layout()));
    }

    #[test]
    fn the_kubelet_keeps_to_its_own_cgroup() {
        let of = Path::new;
        insta::assert_yaml_snapshot!(kubelet(of("ca.crt"), of("kubelet.crt"), of("kubelet.key"), "genesis-node-1"));
    }

    #[test]
    fn the_proxy_leaves_the_machine_alone() {
        insta::assert_yaml_snapshot!(proxy(Path::new("proxy.kubeconfig")));
    }
}
