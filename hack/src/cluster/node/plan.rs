//! The daemons of a node, and with which flags they are started.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::layout::{API_PORT, Layout, NAME};
use super::machine;
use super::programs::Programs;
use super::settings;
use crate::cluster::certificates::Certificates;
use crate::cluster::{NODE_ADDRESS, SERVICES, flags};

const ETCD: u16 = 2379;

/// What the first process of the namespaces reads.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The administrator's kubeconfig, for inside.
    pub kubeconfig: PathBuf,
    pub cgroup: String,
    pub search_path: String,
    pub daemons: Vec<Daemon>,
}

/// One daemon. It is started again whenever it ends.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Daemon {
    pub name: String,
    pub program: PathBuf,
    pub words: Vec<String>,
    /// It gives up where the API server does not answer yet.
    pub after_api: bool,
}

impl Plan {
    /// Makes certificates and settings, and says what is to be started. `outside` is the API server's address for
    /// the rest of the machine; the kubeconfig for it is the second part.
    pub(super) fn write(layout: &Layout, programs: &Programs, outside: &str) -> Result<(Self, PathBuf)> {
        let certificates = Certificates::create(&layout.file("certificates"))?;
        let outside = certificates.kubeconfig(outside, "admin", "admin", Some("system:masters"))?;
        let server = format!("https://127.0.0.1:{API_PORT}");
        let of = |name: &str, user: &str, group: Option<&str>| certificates.kubeconfig(&server, name, user, group);
        let inside = of("inside", "admin", Some("system:masters"))?;
        let manager = of("kube-controller-manager", "system:kube-controller-manager", None)?;
        let scheduler = of("kube-scheduler", "system:kube-scheduler", None)?;
        let proxy = of("kube-proxy", "system:kube-proxy", None)?;
        let kubelet = of("kubelet", &format!("system:node:{NAME}"), Some("system:nodes"))?;

        let (certificate, key) = certificates.server("kubelet-server", NODE_ADDRESS)?;
        let settings = [
            ("settings/containerd.toml", settings::containerd(layout, &machine::cni_folder()?)),
            ("settings/runsc.toml", settings::runsc().to_owned()),
            ("settings/cni/10-pods.conflist", settings::cni(layout).to_string()),
            (
                "settings/kubelet.yaml",
                serde_yaml::to_string(&settings::kubelet(&certificates.ca, &certificate, &key, &layout.cgroup()))?,
            ),
            ("settings/proxy.yaml", serde_yaml::to_string(&settings::proxy(&proxy))?),
        ];
        for (name, text) in settings {
            layout.write(name, &text)?;
        }

        let text = |path: &Path| path.display().to_string();
        let file = |name: &str| text(&layout.file(name));
        let kube = |part: &str, mut words: Vec<String>, after_api: bool| {
            words.insert(0, part.to_owned());
            Daemon { name: part.to_owned(), program: programs.kube.clone(), words, after_api }
        };
        let daemons = vec![
            kube("etcd", flags::etcd(layout.folder(), ETCD, ETCD + 1), false),
            kube("apiserver", apiserver(&certificates)?, false),
            Daemon {
                name: "containerd".to_owned(),
                program: programs.containerd.join("containerd"),
                words: flags::flags(&[("config", &file("settings/containerd.toml"))]),
                after_api: false,
            },
            kube("controller-manager", flags::controller_manager(&certificates, &manager, 10257), true),
            kube("scheduler", flags::scheduler(&scheduler, 10259), true),
            kube(
                "kubelet",
                flags::flags(&[
                    ("config", &file("settings/kubelet.yaml")),
                    ("kubeconfig", &text(&kubelet)),
                    ("hostname-override", NAME),
                    ("node-ip", &NODE_ADDRESS.to_string()),
                ]),
                true,
            ),
            kube("proxy", flags::flags(&[("config", &file("settings/proxy.yaml"))]), true),
            Daemon {
                name: "policies".to_owned(),
                program: programs.network.join("policies"),
                words: flags::flags(&[
                    ("kubeconfig", &text(&inside)),
                    ("node", NAME),
                    ("service-cluster-ip-range", SERVICES),
                ]),
                after_api: true,
            },
        ];
        let plan = Self { kubeconfig: inside, cgroup: layout.cgroup(), search_path: programs.search_path(), daemons };
        layout.write("plan.json", &serde_json::to_string_pretty(&plan)?)?;
        Ok((plan, outside))
    }

    pub(super) fn read(layout: &Layout) -> Result<Self> {
        let path = layout.file("plan.json");
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))
    }
}

fn apiserver(certificates: &Certificates) -> Result<Vec<String>> {
    let (certificate, key) =
        certificates.client("kubelet-client", "kube-apiserver-kubelet-client", Some("system:masters"))?;
    let text = |path: &Path| path.display().to_string();
    let more = [
        // Pods reach it at the node's address.
        ("bind-address", "0.0.0.0"),
        ("advertise-address", &NODE_ADDRESS.to_string()),
        ("kubelet-client-certificate", &text(&certificate)),
        ("kubelet-client-key", &text(&key)),
        ("kubelet-certificate-authority", &text(&certificates.ca)),
        ("kubelet-preferred-address-types", "InternalIP"),
        ("allow-privileged", "true"),
    ];
    Ok(flags::apiserver(certificates, ETCD, API_PORT, &more))
}
