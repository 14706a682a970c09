//! Command lines of the control plane's parts.

use std::path::{Path, PathBuf};

use super::SERVICES;
use super::certificates::Certificates;

pub(super) fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

pub(super) fn etcd(folder: &Path, client: u16, peer: u16) -> Vec<String> {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    flags(&[
        ("data-dir", &folder.join("etcd").display().to_string()),
        ("listen-client-urls", &client),
        ("advertise-client-urls", &client),
        ("listen-peer-urls", &peer),
        ("initial-advertise-peer-urls", &peer),
        ("initial-cluster", &format!("default={peer}")),
        // The data lives as long as the cluster.
        ("unsafe-no-fsync", "true"),
        ("log-level", "warn"),
    ])
}

pub(super) fn apiserver(certificates: &Certificates, etcd: u16, port: u16, more: &[(&str, &str)]) -> Vec<String> {
    let path = |path: &PathBuf| path.display().to_string();
    let mut all = flags(&[
        ("etcd-servers", &format!("http://127.0.0.1:{etcd}")),
        ("secure-port", &port.to_string()),
        ("authorization-mode", "Node,RBAC"),
        ("enable-admission-plugins", "NodeRestriction"),
        ("client-ca-file", &path(&certificates.ca)),
        ("tls-cert-file", &path(&certificates.server)),
        ("tls-private-key-file", &path(&certificates.server_key)),
        ("service-account-issuer", "https://kubernetes.default.svc"),
        ("service-account-key-file", &path(&certificates.service_account_public_key)),
        ("service-account-signing-key-file", &path(&certificates.service_account_key)),
        ("service-cluster-ip-range", SERVICES),
    ]);
    all.extend(flags(more));
    all
}

pub(super) fn controller_manager(certificates: &Certificates, kubeconfig: &Path, port: u16) -> Vec<String> {
    let path = |path: &Path| path.display().to_string();
    flags(&[
        ("kubeconfig", &path(kubeconfig)),
        ("bind-address", "127.0.0.1"),
        ("secure-port", &port.to_string()),
        ("use-service-account-credentials", "true"),
        ("root-ca-file", &path(&certificates.ca)),
        ("cluster-signing-cert-file", &path(&certificates.ca)),
        ("cluster-signing-key-file", &path(&certificates.ca_key)),
        ("service-account-private-key-file", &path(&certificates.service_account_key)),
        ("leader-elect", "false"),
        // By default it holds itself back: thousands of objects would take minutes.
        ("kube-api-qps", "500"),
        ("kube-api-burst", "1000"),
    ])
}

pub(super) fn scheduler(kubeconfig: &Path, port: u16) -> Vec<String> {
    flags(&[
        ("kubeconfig", &kubeconfig.display().to_string()),
        ("bind-address", "127.0.0.1"),
        ("secure-port", &port.to_string()),
        ("leader-elect", "false"),
        // By default it holds itself back: thousands of objects would take minutes.
        ("kube-api-qps", "500"),
        ("kube-api-burst", "1000"),
    ])
}
