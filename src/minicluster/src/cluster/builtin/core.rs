//! Core kinds other than Pod: Namespace, Service, ConfigMap, Secret, Node.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::Rules;
use crate::cluster::{
    error::Cause,
    meta::{self, child_mut, set_default},
    names,
};

/// Clears status on creation, as every kind whose status only controllers write.
pub const CLEARS_STATUS: Rules = Rules { prepare_create: |object| object["status"] = json!({}), ..Rules::PLAIN };

/// Namespaces carry the `kubernetes` finalizer in spec until their content is gone.
pub const NAMESPACE: Rules = Rules {
    default: |object| {
        let name = json!(meta::name(object));
        let labels = meta::metadata_mut(object).entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        }
    },
    prepare_create: |object| {
        object["spec"] = json!({ "finalizers": ["kubernetes"] });
        object["status"] = json!({ "phase": "Active" });
    },
    prepare_update: |object, old| object["spec"]["finalizers"] = old["spec"]["finalizers"].clone(),
    ..Rules::PLAIN
};

/// Services get a cluster address when they are created; nothing routes to it here.
pub const SERVICE: Rules = Rules {
    default: default_service,
    prepare_create: |object| {
        object["status"] = json!({ "loadBalancer": {} });
        allocate_address(object);
    },
    prepare_update: |object, old| {
        for field in ["clusterIP", "clusterIPs"] {
            if object["spec"].get(field).is_none_or(Value::is_null) && !old["spec"][field].is_null() {
                object["spec"][field] = old["spec"][field].clone();
            }
        }
    },
    validate: |object| {
        let mut causes = Vec::new();
        let external = object["spec"]["type"] == "ExternalName";
        let headless = object["spec"]["clusterIP"] == "None";
        let ports = object["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
        if ports.is_empty() && !external && !headless {
            causes.push(Cause::required("spec.ports", ""));
        }
        for (i, port) in ports.iter().enumerate() {
            if !(1..=65535).contains(&port["port"].as_i64().unwrap_or_default()) {
                let detail = "must be between 1 and 65535, inclusive";
                causes.push(Cause::invalid(format!("spec.ports[{i}].port"), &port["port"], detail));
            }
            if ports.len() > 1 && port["name"].as_str().unwrap_or_default().is_empty() {
                causes.push(Cause::required(format!("spec.ports[{i}].name"), ""));
            }
        }
        causes.extend(names::validate_map("spec.selector", &object["spec"]["selector"], true));
        causes
    },
    validate_update: |object, old| {
        let (new, old) = (&object["spec"]["clusterIP"], &old["spec"]["clusterIP"]);
        if object["spec"]["type"] != "ExternalName" && !old.is_null() && new != old {
            vec![Cause::invalid("spec.clusterIPs[0]", new, "field is immutable")]
        } else {
            Vec::new()
        }
    },
};

fn default_service(object: &mut Value) {
    let spec = child_mut(object, "spec");
    set_default(spec, "type", json!("ClusterIP"));
    set_default(spec, "sessionAffinity", json!("None"));
    if spec["type"] != "ExternalName" {
        set_default(spec, "internalTrafficPolicy", json!("Cluster"));
        set_default(spec, "ipFamilies", json!(["IPv4"]));
        set_default(spec, "ipFamilyPolicy", json!("SingleStack"));
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(port) = port.as_object_mut() else { continue };
        set_default(port, "protocol", json!("TCP"));
        let number = port.get("port").cloned().unwrap_or_default();
        set_default(port, "targetPort", number);
    }
}

/// Gives an address in 10.96.0.0/16 derived from the uid: stable, and unique enough where nothing routes to it.
fn allocate_address(object: &mut Value) {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(meta::uid(object).as_bytes());
    let address = format!("10.96.{}.{}", digest[0], 1 + digest[1] % 254);
    let spec = child_mut(object, "spec");
    if spec["type"] != "ExternalName" {
        set_default(spec, "clusterIP", json!(address));
        let address = spec["clusterIP"].clone();
        set_default(spec, "clusterIPs", json!([address]));
    }
}

fn immutable_data(object: &Value, old: &Value) -> Vec<Cause> {
    if old["immutable"] != json!(true) {
        return Vec::new();
    }
    ["immutable", "data", "binaryData"]
        .into_iter()
        .filter(|field| object.get(field) != old.get(field))
        .map(|field| Cause::forbidden(field, "field is immutable when `immutable` is set"))
        .collect()
}

/// ConfigMaps may be made immutable.
pub const CONFIG_MAP: Rules = Rules { validate_update: immutable_data, ..Rules::PLAIN };

/// Secrets merge `stringData` into `data` and have an immutable type.
pub const SECRET: Rules = Rules {
    default: |object| {
        let Some(secret) = object.as_object_mut() else { return };
        set_default(secret, "type", json!("Opaque"));
        if let Some(Value::Object(plain)) = secret.remove("stringData") {
            let data = secret.entry("data").or_insert_with(|| json!({}));
            for (key, value) in plain {
                data[key] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
            }
        }
    },
    validate_update: |object, old| {
        let mut causes = immutable_data(object, old);
        if object["type"] != old["type"] {
            causes.push(Cause::invalid("type", &object["type"], "field is immutable"));
        }
        causes
    },
    ..Rules::PLAIN
};

/// Nodes keep the status they are created with: the kubelet registers with it.
pub const NODE: Rules = Rules {
    default: |object| {
        child_mut(object, "spec");
        child_mut(object, "status");
    },
    ..Rules::PLAIN
};
