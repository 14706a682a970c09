//! Checks of pods and pod templates.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::cluster::{error::Cause, names};

const ENV_NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";

/// Checks a pod.
pub fn validate_pod(object: &Value) -> Vec<Cause> {
    validate_spec("spec", &object["spec"])
}

/// Checks a pod template under `path`.
pub fn validate_template(path: &str, template: &Value) -> Vec<Cause> {
    let mut causes = names::validate_map(&format!("{path}.metadata.labels"), &template["metadata"]["labels"], true);
    causes.extend(validate_spec(&format!("{path}.spec"), &template["spec"]));
    causes
}

fn validate_spec(path: &str, spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut seen = HashSet::new();
    for (i, container) in containers.iter().enumerate() {
        let path = format!("{path}.containers[{i}]");
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
        } else if !names::is_label(name) {
            let detail = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
                          must start and end with an alphanumeric character";
            causes.push(Cause::invalid(format!("{path}.name"), &container["name"], detail));
        } else if !seen.insert(name) {
            let message = format!("Duplicate value: {name:?}");
            causes.push(Cause { reason: "FieldValueDuplicate", message, field: format!("{path}.name") });
        }
        if container["image"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{path}.image"), ""));
        }
        causes.extend(validate_environment(&path, container));
        causes.extend(validate_ports(&path, container));
        causes.extend(validate_mounts(&path, container, spec));
    }
    let policies = ["Always", "OnFailure", "Never"].map(str::to_owned);
    if !policies.iter().any(|p| spec["restartPolicy"] == p.as_str()) {
        causes.push(Cause::not_supported(format!("{path}.restartPolicy"), &spec["restartPolicy"], &policies));
    }
    for (field, least) in [("activeDeadlineSeconds", 1), ("terminationGracePeriodSeconds", 0)] {
        let value = &spec[field];
        let allowed = least..=i64::from(i32::MAX);
        if value.is_number() && !value.as_i64().is_some_and(|n| allowed.contains(&n)) {
            let detail = format!("must be between {least} and {}, inclusive", i32::MAX);
            causes.push(Cause::invalid(format!("{path}.{field}"), value, &detail));
        }
    }
    causes
}

fn validate_environment(path: &str, container: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, variable) in container["env"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}.env[{i}]");
        let name = variable["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
        } else if name.contains('=') || !name.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            causes.push(Cause::invalid(format!("{path}.name"), &variable["name"], ENV_NAME));
        }
        if !variable["value"].as_str().unwrap_or_default().is_empty() && variable["valueFrom"].is_object() {
            let detail = "may not be specified when `value` is not empty";
            causes.push(Cause::invalid(format!("{path}.valueFrom"), &json!(""), detail));
        }
    }
    causes
}

fn validate_ports(path: &str, container: &Value) -> Vec<Cause> {
    let ports = container["ports"].as_array().into_iter().flatten().enumerate();
    ports
        .filter(|(_, port)| !(1..=65535).contains(&port["containerPort"].as_i64().unwrap_or_default()))
        .map(|(i, port)| {
            let field = format!("{path}.ports[{i}].containerPort");
            Cause::invalid(field, &port["containerPort"], "must be between 1 and 65535, inclusive")
        })
        .collect()
}

fn validate_mounts(path: &str, container: &Value, spec: &Value) -> Vec<Cause> {
    let known: HashSet<&str> =
        spec["volumes"].as_array().into_iter().flatten().filter_map(|v| v["name"].as_str()).collect();
    let mounts = container["volumeMounts"].as_array().into_iter().flatten().enumerate();
    mounts
        .filter(|(_, mount)| !mount["name"].as_str().is_some_and(|name| known.contains(name)))
        .map(|(i, mount)| Cause {
            reason: "FieldValueNotFound",
            message: format!("Not found: {}", mount["name"]),
            field: format!("{path}.volumeMounts[{i}].name"),
        })
        .collect()
}

/// A pod's spec is immutable but for a few fields.
pub fn validate_pod_update(object: &Value, old: &Value) -> Vec<Cause> {
    let open = |spec: &Value| {
        let mut spec = spec.clone();
        for container in spec["containers"].as_array_mut().into_iter().flatten() {
            container["image"] = Value::Null;
        }
        for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"] {
            spec[field] = Value::Null;
        }
        spec
    };
    if open(&object["spec"]) == open(&old["spec"]) {
        return Vec::new();
    }
    let detail = "pod updates may not change fields other than `spec.containers[*].image`,\
                  `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                  existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                  previously negative)";
    vec![Cause::forbidden("spec", detail)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_clock_can_count_are_refused() {
        for (field, value, fits) in [
            ("activeDeadlineSeconds", json!(0), false),
            ("activeDeadlineSeconds", json!(1), true),
            ("activeDeadlineSeconds", json!(i64::MAX), false),
            ("terminationGracePeriodSeconds", json!(-1), false),
            ("terminationGracePeriodSeconds", json!(0), true),
            ("terminationGracePeriodSeconds", json!(u64::MAX), false),
        ] {
            let container = json!({ "name": "c", "image": "i" });
            let causes =
                validate_pod(&json!({ "spec": { "restartPolicy": "Never", "containers": [container], field: value } }));
            assert_eq!(causes.is_empty(), fits, "{field} {value}: {causes:?}");
        }
    }
}
