//! A program that really tries to get out of a sandbox pod, by every route, with one layer at a time in its way.
//!
//! - **policy alone**: the program runs in a pod as the sandbox pool's is labelled, but in no cell: only the
//!   NetworkPolicies stop it.
//! - **cell alone**: the program runs in a cell of a pod under gVisor that no policy selects: only the cell stops it.
//! - **control**: the same program in a pod that nothing stops reaches what is there to be reached, so that a refusal
//!   means something.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use genesis_api::names::MODEL_LABEL;

use super::kubectl::Kubectl;
use crate::demo::MODEL;

/// A namespace without policies.
const OUTSIDE: &str = "genesis-outside";
/// How long a pod may take to say what it has found.
const PATIENCE: Duration = Duration::from_mins(2);

/// An enforcer of policies hears of a pod's address when the pod runs already.
const SETTLE_SECONDS: u32 = 10;

/// Tries each address and prints one line of JSON: name → what came of it.
const PROGRAM: &str = r#"
import json, socket, time
time.sleep(SETTLE)
found = {}
for name, host, port, kind in json.loads(ROUTES):
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as end:
            end.settimeout(3)
            end.connect((host, port))
            if kind == "udp":
                end.send(bytes.fromhex("abcd01000001000000000000076b756265726e657465730764656661756c740373766307636c7573746572056c6f63616c0000010001"))
                end.recv(512)
        found[name] = "reached"
    except OSError as error:
        found[name] = type(error).__name__
print("FOUND " + json.dumps(found))
"#;

/// What one attempt came to: route by route.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Attempt {
    /// What was in the way.
    pub(super) layer: &'static str,
    /// Name of the route → `reached`, or the error.
    pub(super) routes: Value,
}

/// An address to try.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) name: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) kind: &'static str,
}

impl Attempt {
    /// Names of the routes that led somewhere.
    pub(super) fn reached(&self) -> Vec<String> {
        let routes = self.routes.as_object().into_iter().flatten();
        routes.filter(|(_, end)| *end == "reached").map(|(name, _)| name.clone()).collect()
    }
}

/// Tries each layer alone, and neither.
pub(super) fn try_every_layer(kubectl: &Kubectl, folder: &Path) -> Result<Vec<Attempt>> {
    let routes = routes(kubectl)?;
    // What the policies of the chart select is the pool's; nothing selects the others, whose namespace has no policy.
    let pool = json!({ MODEL_LABEL: MODEL, "genesis.truth.si/role": "sandbox", "genesis.truth.si/attempt": "policy" });
    let nobody = json!({ "genesis.truth.si/attempt": "none" });
    kubectl.run(&["create", "namespace", OUTSIDE])?;
    let outside = kubectl.in_namespace(OUTSIDE);
    let control = attempt(&outside, folder, "nothing", &nobody, false, &routes)?;
    let policy = attempt(kubectl, folder, "policies alone", &pool, false, &routes)?;
    let cell = attempt(&outside, folder, "a cell alone", &nobody, true, &routes)?;
    outside.run(&["delete", "namespace", OUTSIDE, "--timeout=60s"])?;
    judge(&control, &[policy.clone(), cell.clone()], &["API server", "name server", "neighbour"])?;
    Ok(vec![control, policy, cell])
}

/// Where a program could want to go. Two of them lead nowhere here; a cloud has both.
fn routes(kubectl: &Kubectl) -> Result<Vec<Route>> {
    let system = kubectl.in_namespace("kube-system");
    let names = system.run(&["get", "service", "kube-dns", "--output", "jsonpath={.spec.clusterIP}"])?;
    let gateway = kubectl.run(&["get", "service", "genesis-gateway", "--output", "jsonpath={.spec.clusterIP}"])?;
    let api = kubectl.in_namespace("default");
    let api = api.run(&["get", "service", "kubernetes", "--output", "jsonpath={.spec.clusterIP}"])?;
    let route = |name, host: &str, port, kind| Route { name, host: host.to_owned(), port, kind };
    Ok(vec![
        route("API server", &api, 443, "tcp"),
        route("name server", &names, 53, "udp"),
        route("neighbour", &gateway, 8000, "tcp"),
        route("metadata", "169.254.169.254", 80, "tcp"),
        route("Internet", "192.0.2.1", 443, "tcp"),
        route("Internet by IPv6", "2001:db8::1", 443, "tcp"),
    ])
}

/// Runs the program in a pod of its own and reads what it found.
pub(super) fn attempt(
    kubectl: &Kubectl,
    folder: &Path,
    layer: &'static str,
    labels: &Value,
    in_a_cell: bool,
    routes: &[Route],
) -> Result<Attempt> {
    let name = format!("attempt-{}", layer.replace(' ', "-"));
    let list: Vec<Value> = routes.iter().map(|route| json!([route.name, route.host, route.port, route.kind])).collect();
    let settle = if in_a_cell { 0 } else { SETTLE_SECONDS };
    let program = PROGRAM
        .replace("ROUTES", &format!("{:?}", serde_json::to_string(&list)?))
        .replace("SETTLE", &settle.to_string());
    let command = if in_a_cell {
        json!(["genesis-sandbox", "run", "/program/program.py"])
    } else {
        json!(["/usr/bin/python3", "/program/program.py"])
    };
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name },
        "data": { "program.py": program } });
    kubectl.apply(folder, &format!("{name}-program"), &map)?;
    kubectl.apply(folder, &name, &pod(&name, labels, &command))?;
    let found = wait_for_line(kubectl, &name);
    kubectl.run(&["delete", "pod,configmap", &name, "--wait=false"])?;
    let found = found.with_context(|| format!("the attempt with {layer} in the way"))?;
    Ok(Attempt { layer, routes: found })
}

fn pod(name: &str, labels: &Value, command: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "labels": labels },
        "spec": {
            "runtimeClassName": "gvisor",
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65_532, "runAsGroup": 65_532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "attempt",
                "image": format!("genesis-sandbox:{}", env!("CARGO_PKG_VERSION")),
                "command": command,
                "resources": { "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "50m", "memory": "64Mi" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
                "volumeMounts": [{ "name": "program", "mountPath": "/program" }],
            }],
            "volumes": [{ "name": "program", "configMap": { "name": name } }],
        },
    })
}

fn wait_for_line(kubectl: &Kubectl, pod: &str) -> Result<Value> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let phase = kubectl.run(&["get", "pod", pod, "--output", "jsonpath={.status.phase}"])?;
        if ["Succeeded", "Failed"].contains(&phase.as_str()) {
            let said = kubectl.run(&["logs", pod])?;
            let line = said.lines().find_map(|line| line.split("FOUND ").nth(1)).context(said.clone())?;
            let end = line.find('}').context("the line of the attempt is cut")?;
            return Ok(serde_json::from_str(&line[..=end])?);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("pod {pod} did not end within {} s", PATIENCE.as_secs())
}

/// Checks that a layer let nothing through, and that the control shows each route to be a real one.
pub(super) fn judge(control: &Attempt, layers: &[Attempt], must_be_reachable: &[&str]) -> Result<()> {
    for name in must_be_reachable {
        ensure!(
            control.reached().iter().any(|reached| reached == name),
            "the control could not reach {name} either, so that a refusal shows nothing: {}",
            control.routes
        );
    }
    for layer in layers {
        ensure!(
            layer.reached().is_empty(),
            "with {} in the way these were reached: {:?}",
            layer.layer,
            layer.reached()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(layer: &'static str, routes: Value) -> Attempt {
        Attempt { layer, routes }
    }

    #[test]
    fn a_refusal_counts_only_where_the_control_got_through() {
        let control = attempt("control", json!({ "api": "reached", "metadata": "TimeoutError" }));
        let closed = attempt("policy alone", json!({ "api": "TimeoutError", "metadata": "TimeoutError" }));
        judge(&control, std::slice::from_ref(&closed), &["api"]).unwrap();
        let error = judge(&control, &[closed], &["metadata"]).unwrap_err();
        assert!(error.to_string().contains("could not reach metadata"), "{error}");
        let open = attempt("cell alone", json!({ "api": "reached" }));
        let error = judge(&control, &[open], &["api"]).unwrap_err();
        assert!(error.to_string().contains("with cell alone in the way"), "{error}");
    }
}
