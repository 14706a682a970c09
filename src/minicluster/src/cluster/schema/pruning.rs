//! Dropping fields a structural schema does not know.

use serde_json::Value;

/// Removes unknown fields from `value` and returns their paths.
///
/// `apiVersion`, `kind` and `metadata` of the root object and of embedded resources are always known.
pub fn prune(schema: &Value, value: &mut Value) -> Vec<String> {
    let mut dropped = Vec::new();
    walk(schema, value, "", true, &mut dropped);
    dropped
}

fn walk(schema: &Value, value: &mut Value, path: &str, is_resource: bool, dropped: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let keeps_unknown = schema["x-kubernetes-preserve-unknown-fields"] == true;
            let is_resource = is_resource || schema["x-kubernetes-embedded-resource"] == true;
            let additional = &schema["additionalProperties"];
            map.retain(|key, child| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if is_resource && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                    return true;
                }
                if let Some(known) = schema["properties"].get(key) {
                    walk(known, child, &path, false, dropped);
                    return true;
                }
                if additional.is_object() {
                    walk(additional, child, &path, false, dropped);
                    return true;
                }
                let keep = keeps_unknown || *additional == true;
                if !keep {
                    dropped.push(path);
                }
                keep
            });
        }
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                walk(&schema["items"], item, &format!("{path}[{i}]"), false, dropped);
            }
        }
        _ => {}
    }
}
