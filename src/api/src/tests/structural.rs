//! A small reading of structural schemas: enough to find what an API server refuses before CEL runs.

use kube::core::cel::Validator;
use serde_json::{Value, json};

/// What is wrong with `object`.
pub(super) fn problems(schema: &Value, object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut bare = object.clone();
    if let Some(fields) = bare.as_object_mut() {
        // The server looks after these itself.
        fields.retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"));
    }
    check(schema, &bare, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let mut problem = |text: String| found.push(format!("{path}: {text}"));
    if value.is_null() {
        if schema["nullable"] != json!(true) {
            problem("must not be null".into());
        }
        return;
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => true,
    };
    if !fits {
        problem(format!("must be of type {}", schema["type"]));
        return;
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        problem(format!("must be one of {}", schema["enum"]));
    }
    if let Some(number) = value.as_i64() {
        bounds(schema, "minimum", "maximum", number, &mut problem);
    }
    if let Some(text) = value.as_str() {
        bounds(schema, "minLength", "maxLength", text.chars().count() as i64, &mut problem);
        if schema["pattern"].as_str().is_some_and(|pattern| !matches(pattern, text)) {
            problem(format!("must match {}", schema["pattern"]));
        }
    }
    if let Some(items) = value.as_array() {
        bounds(schema, "minItems", "maxItems", items.len() as i64, &mut problem);
        for (index, item) in items.iter().enumerate() {
            check(&schema["items"], item, &format!("{path}[{index}]"), found);
        }
    } else if let Some(fields) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                found.push(format!("{path}.{name}: is required"));
            }
        }
        for (name, field) in fields {
            let below = format!("{path}.{name}");
            match (schema["properties"].get(name), schema.get("additionalProperties")) {
                (Some(known), _) => check(known, field, &below, found),
                (None, Some(any)) if any.is_object() => check(any, field, &below, found),
                _ => found.push(format!("{below}: is unknown")),
            }
        }
    }
}

fn bounds(schema: &Value, least: &str, most: &str, number: i64, problem: &mut impl FnMut(String)) {
    // Bounds are JSON numbers with a fraction part in k8s-openapi's types.
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound as i64);
    if bound(least).is_some_and(|bound| number < bound) || bound(most).is_some_and(|bound| number > bound) {
        problem(format!("{number} is not within {least} {} and {most} {}", schema[least], schema[most]));
    }
}

/// Patterns are RE2, which is what CEL's `matches` speaks.
fn matches(pattern: &str, text: &str) -> bool {
    let rule = format!("self.matches({pattern:?})");
    let schema = json!({ "type": "string", "x-kubernetes-validations": [{ "rule": rule }] });
    Validator::new().validate(&schema, &json!(text), None).is_ok()
}
