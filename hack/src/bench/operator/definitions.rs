//! The four definitions, and the operator's rights as the generated manifest gives them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fill;
use super::stage::SYSTEM;
use crate::cluster::kubectl;
use crate::paths;

/// What of the manifest is needed where the operator is a process of this machine.
const KINDS: [&str; 7] = [
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
];

/// A client for a kubeconfig.
pub(super) async fn client(kubeconfig: &Path) -> Result<Client> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    Ok(Client::try_from(Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?)?)
}

/// Applies them, and waits until all four kinds are served.
pub(super) async fn install(kubeconfig: &Path, client: &Client) -> Result<()> {
    let path = paths::root().join("manifests/install.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let mut wanted = String::new();
    for document in serde_yaml::Deserializer::from_str(&text) {
        let document = Value::deserialize(document)?;
        if KINDS.iter().any(|kind| document["kind"] == *kind) {
            wanted += &format!("---\n{}", serde_yaml::to_string(&document)?);
        }
    }
    apply(kubeconfig, &wanted)?;
    let begun = Instant::now();
    for kind in ["GenesisModel", "TrainingRun", "Evaluation", "Rollout"] {
        while fill::api(client, kind, "default").list(&ListParams::default().limit(1)).await.is_err() {
            if begun.elapsed() > Duration::from_secs(60) {
                bail!("{kind} is not served within a minute");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

fn apply(kubeconfig: &Path, text: &str) -> Result<()> {
    let mut command = kubectl(kubeconfig)?;
    command.args(["apply", "--server-side", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().context("run kubectl")?;
    child.stdin.take().context("kubectl has an input")?.write_all(text.as_bytes())?;
    ensure!(child.wait()?.success(), "kubectl apply failed");
    Ok(())
}

/// A kubeconfig with the token of the operator's ServiceAccount.
pub(super) async fn operator_kubeconfig(admin: &Path, client: &Client, folder: &Path) -> Result<PathBuf> {
    let spec = TokenRequestSpec { expiration_seconds: Some(24 * 3600), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), SYSTEM);
    let answer = accounts.create_token_request("genesis-operator", &PostParams::default(), &request).await?;
    let token = answer.status.context("a token was given")?.token;
    let mut config: Value = serde_yaml::from_str(&std::fs::read_to_string(admin)?)?;
    config["users"][0]["user"] = json!({ "token": token });
    let path = folder.join("operator.kubeconfig");
    std::fs::write(&path, serde_yaml::to_string(&config)?).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
