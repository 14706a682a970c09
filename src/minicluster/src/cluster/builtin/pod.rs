//! Pod defaults: what the API server and its default admission plugins fill in.

use serde_json::{Map, Value, json};

use super::{Rules, pod_validation};
use crate::cluster::meta::{child_mut, set_default};

/// Pod behaviour.
pub const POD: Rules = Rules {
    default: |object| {
        let spec = child_mut(object, "spec");
        default_spec(spec);
        default_requests(spec);
    },
    prepare_create: |object| {
        admit(child_mut(object, "spec"));
        object["status"] = json!({ "phase": "Pending", "qosClass": qos_class(&object["spec"]) });
    },
    prepare_update: |object, old| {
        // `nodeName` is set through the binding subresource only.
        if object["spec"].get("nodeName").is_none() && !old["spec"]["nodeName"].is_null() {
            object["spec"]["nodeName"] = old["spec"]["nodeName"].clone();
        }
    },
    validate: pod_validation::validate_pod,
    validate_update: pod_validation::validate_pod_update,
};

/// Fills the defaults of a pod template.
pub fn default_template(template: &mut Value) {
    child_mut(template, "metadata");
    default_spec(child_mut(template, "spec"));
}

fn default_spec(spec: &mut Map<String, Value>) {
    set_default(spec, "restartPolicy", json!("Always"));
    set_default(spec, "dnsPolicy", json!("ClusterFirst"));
    set_default(spec, "schedulerName", json!("default-scheduler"));
    set_default(spec, "terminationGracePeriodSeconds", json!(30));
    set_default(spec, "securityContext", json!({}));
    let account = spec.get("serviceAccountName").cloned().filter(|v| !v.is_null());
    if let Some(account) = account {
        set_default(spec, "serviceAccount", account);
    }
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                default_container(container);
            }
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
                set_default(source, "defaultMode", json!(420));
            }
        }
        if let Some(host_path) = volume.get_mut("hostPath").and_then(Value::as_object_mut) {
            set_default(host_path, "type", json!(""));
        }
    }
}

fn default_container(container: &mut Map<String, Value>) {
    set_default(container, "terminationMessagePath", json!("/dev/termination-log"));
    set_default(container, "terminationMessagePolicy", json!("File"));
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let latest = image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains([':', '@']);
    set_default(container, "imagePullPolicy", json!(if latest { "Always" } else { "IfNotPresent" }));
    set_default(container, "resources", json!({}));
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            set_default(port, "protocol", json!("TCP"));
        }
    }
    for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(reference) = variable.pointer_mut("/valueFrom/fieldRef").and_then(Value::as_object_mut) {
            set_default(reference, "apiVersion", json!("v1"));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe).and_then(Value::as_object_mut) else { continue };
        for (field, value) in
            [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
        {
            set_default(probe, field, json!(value));
        }
        if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
            set_default(get, "path", json!("/"));
            set_default(get, "scheme", json!("HTTP"));
        }
    }
}

/// Limits without requests request the limit. Only in pods, not in templates.
fn default_requests(spec: &mut Map<String, Value>) {
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else { continue };
            let Some(Value::Object(limits)) = resources.get("limits").cloned() else { continue };
            let requests = resources.entry("requests").or_insert_with(|| json!({}));
            for (name, amount) in limits {
                if requests.get(&name).is_none() {
                    requests[name] = amount;
                }
            }
        }
    }
}

/// What admission adds to a new pod: service account, priority and the tolerations of DefaultTolerationSeconds.
fn admit(spec: &mut Map<String, Value>) {
    set_default(spec, "serviceAccountName", json!("default"));
    let account = spec["serviceAccountName"].clone();
    set_default(spec, "serviceAccount", account);
    set_default(spec, "enableServiceLinks", json!(true));
    set_default(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    set_default(spec, "priority", json!(0));
    set_default(spec, "tolerations", json!([]));
    let Some(tolerations) = spec.get_mut("tolerations").and_then(Value::as_array_mut) else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let present = tolerations.iter().any(|t| t["key"] == key || (t["key"].is_null() && t["operator"] == "Exists"));
        if !present {
            tolerations
                .push(json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }));
        }
    }
}

/// The pod's quality of service, from the requests and limits for cpu and memory.
fn qos_class(spec: &Value) -> &'static str {
    let containers = || spec["containers"].as_array().into_iter().flatten();
    let has = |c: &Value, list: &str, name: &str| !c["resources"][list][name].is_null();
    let names = ["cpu", "memory"];
    let any = containers().any(|c| names.iter().any(|n| has(c, "requests", n) || has(c, "limits", n)));
    let all = containers().all(|c| {
        names.iter().all(|n| has(c, "limits", n) && c["resources"]["requests"][n] == c["resources"]["limits"][n])
    });
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_of_service_follows_requests_and_limits() {
        let spec = |resources: Value| json!({ "containers": [{ "resources": resources }] });
        assert_eq!(qos_class(&spec(json!({}))), "BestEffort");
        assert_eq!(qos_class(&spec(json!({ "requests": { "cpu": "1" } }))), "Burstable");
        let both = json!({ "cpu": "1", "memory": "1Gi" });
        assert_eq!(qos_class(&spec(json!({ "requests": both, "limits": both }))), "Guaranteed");
    }

    #[test]
    fn limits_are_requests_in_pods_and_not_in_templates() {
        let spec = json!({ "containers": [{ "name": "c", "image": "i", "resources": { "limits": { "cpu": "1" } } }] });
        let mut pod = json!({ "spec": spec });
        (POD.default)(&mut pod);
        assert_eq!(pod["spec"]["containers"][0]["resources"]["requests"], json!({ "cpu": "1" }));
        let mut template = json!({ "spec": spec });
        default_template(&mut template);
        assert!(template["spec"]["containers"][0]["resources"]["requests"].is_null());
    }
}
