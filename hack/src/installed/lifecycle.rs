//! What an administrator does beside using it: waits, uninstalls, installs again, deletes.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::NAMESPACE;
use super::helm::Helm;
use super::kubectl::Kubectl;

/// The four kinds, and a condition of each that holds after a turn that was promoted.
const CONDITIONS: [(&str, &str); 4] =
    [("genesismodel", "Ready"), ("trainingrun", "Complete"), ("evaluation", "Complete"), ("rollout", "Promoted")];

/// `kubectl wait --for=condition=…` for the objects of the turn that `run` began.
pub(super) fn wait_for_each_kind(kubectl: &Kubectl, run: &str) -> Result<Vec<String>> {
    let mut waited = Vec::new();
    for (kind, condition) in CONDITIONS {
        let name = kubectl.run(&["get", kind, "--output", "jsonpath={.items[0].metadata.name}"])?;
        ensure!(kind != "trainingrun" || name == run, "another TrainingRun than {run} is there: {name}");
        kubectl.run(&["wait", &format!("--for=condition={condition}"), &format!("{kind}/{name}"), "--timeout=30s"])?;
        waited.push(format!("{kind} {condition}"));
    }
    Ok(waited)
}

/// Takes both charts out and puts them in again. The objects, the ledger and the store stay; the model serves its
/// champion afterwards.
pub(super) fn reinstall(kubectl: &Kubectl, helm: &Helm, champion: &str) -> Result<Vec<String>> {
    let names = |what: &str| kubectl.run(&["get", what, "--output", "name"]);
    let kinds = "genesismodels,trainingruns,evaluations,rollouts";
    let (objects, claims) = (names(kinds)?, names("persistentvolumeclaims")?);
    helm.uninstall("genesis")?;
    helm.uninstall("genesis-crds")?;
    ensure!(names(kinds)? == objects, "uninstalling took objects away: {} instead of {objects}", names(kinds)?);
    ensure!(names("persistentvolumeclaims")? == claims, "uninstalling took claims away");
    helm.install("genesis-crds", &[])?;
    helm.install("genesis", &[])?;
    kubectl.run(&["wait", "--for=condition=Ready", "genesismodel/seedling", "--timeout=180s"])?;
    let path = "jsonpath={.status.currentAdapter.digest}";
    let digest = kubectl.run(&["get", "genesismodel", "seedling", "--output", path])?;
    let short = champion.rsplit('-').next().unwrap_or_default();
    ensure!(digest.contains(short), "the champion was {champion} and is now {digest}");
    Ok(objects.lines().chain(claims.lines()).map(str::to_owned).collect())
}

/// Deletes the namespace while the operator in it goes too; returns the seconds that takes.
pub(super) fn delete_namespace(kubectl: &Kubectl) -> Result<f64> {
    let begun = Instant::now();
    kubectl.run(&["delete", "namespace", NAMESPACE, "--timeout=120s"])?;
    Ok(begun.elapsed().as_secs_f64())
}
