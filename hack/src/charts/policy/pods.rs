use serde_json::Value;

use super::super::manifests::Rendering;
use super::super::objects::{at, list, text, title};
use super::{Found, with_pods};

/// Kinds of volumes that the restricted Pod Security Standard allows.
const VOLUMES: [&str; 8] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

/// The restricted Pod Security Standard, and a root that cannot be written to.
pub(super) fn restricted(rendering: &Rendering) -> Found {
    let mut found = Found::default();
    for (owner, template) in with_pods(rendering) {
        let title = title(owner);
        let spec = at(template, &["spec"]);
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            found.expect(at(spec, &[host]) != &Value::Bool(true), || format!("{title}: {host}"));
        }
        for volume in list(spec, &["volumes"]) {
            let allowed = VOLUMES.iter().any(|kind| volume.get(kind).is_some());
            found.expect(allowed, || format!("{title}: volume {}", text(volume, &["name"])));
        }
        let pod = at(spec, &["securityContext"]);
        for container in containers(spec) {
            found.looked_at += 1;
            let title = format!("{title}, container {}", text(container, &["name"]));
            let own = at(container, &["securityContext"]);
            // A container's own word counts before the pod's.
            let said = |path: &[&str]| if at(own, path).is_null() { at(pod, path) } else { at(own, path) };
            let holds = [
                ("runs as root", said(&["runAsNonRoot"]) == &Value::Bool(true)),
                ("names root", said(&["runAsUser"]) != &Value::from(0)),
                ("has no seccomp profile", text(said(&["seccompProfile"]), &["type"]) == "RuntimeDefault"),
                ("may raise its rights", at(own, &["allowPrivilegeEscalation"]) == &Value::Bool(false)),
                ("is privileged", at(own, &["privileged"]) != &Value::Bool(true)),
                ("keeps capabilities", list(own, &["capabilities", "drop"]).contains(&Value::from("ALL"))),
                ("adds capabilities", list(own, &["capabilities", "add"]).is_empty()),
                ("can write to its root", at(own, &["readOnlyRootFilesystem"]) == &Value::Bool(true)),
            ];
            for (problem, holds) in holds {
                found.expect(holds, || format!("{title} {problem}"));
            }
            for port in list(container, &["ports"]) {
                found.expect(at(port, &["hostPort"]).is_null(), || format!("{title} takes a port of the host"));
            }
        }
    }
    found
}

/// Nothing grows without bound, and nothing hangs unseen.
pub(super) fn bounded(rendering: &Rendering) -> Found {
    let mut found = Found::default();
    for (owner, template) in with_pods(rendering) {
        let spec = at(template, &["spec"]);
        for container in containers(spec) {
            found.looked_at += 1;
            let title = format!("{}, container {}", title(owner), text(container, &["name"]));
            for bound in ["requests", "limits"] {
                for resource in ["cpu", "memory"] {
                    let there = !at(container, &["resources", bound, resource]).is_null();
                    found.expect(there, || format!("{title} has no {bound} of {resource}"));
                }
            }
            let image = text(container, &["image"]);
            let name = image.rsplit('/').next().unwrap_or_default();
            let pinned = name.contains('@') || (name.contains(':') && !name.ends_with(":latest"));
            found.expect(pinned, || format!("{title}: image {image:?} may be another one tomorrow"));
        }
        for container in list(spec, &["containers"]) {
            for probe in ["readinessProbe", "livenessProbe"] {
                let title = title(owner);
                found.expect(!at(container, &[probe]).is_null(), || format!("{title} has no {probe}"));
            }
        }
    }
    found
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    list(spec, &["initContainers"]).iter().chain(list(spec, &["containers"]))
}
