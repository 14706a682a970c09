//! What a server finds before CEL runs: types, bounds, what is required, what is unknown.
//!
//! A small reading of structural schemas, for tests and for tools that look at manifests without a server.

use kube::core::cel::Validator;
use serde_json::{Value, json};

/// What is wrong with `object`: path (`spec.serving.replicas`, `spec.steps[0].weight`) and a sentence, in no order.
///
/// `schema` is an `openAPIV3Schema`. Empty where the structure is right; the rules are still to be asked then.
pub fn problems(schema: &Value, object: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut bare = object.clone();
    if let Some(fields) = bare.as_object_mut() {
        // These belong to every object; its own schema says nothing of them.
        fields.retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"));
    }
    check(schema, &bare, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    let mut problem = |text: String| found.push((path.to_owned(), text));
    if value.is_null() {
        if schema["nullable"] != json!(true) {
            problem("must not be null".to_owned());
        }
        return;
    }
    if !has_type(schema["type"].as_str(), value) {
        problem(format!("must be of type {}", schema["type"].as_str().unwrap_or_default()));
        return;
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        problem(format!("{value} is not one of {}", schema["enum"]));
    }
    match value {
        Value::Number(number) => {
            bounds(schema, ("minimum", "maximum"), number.as_f64(), "", &mut problem);
        }
        Value::String(text) => {
            let length = text.chars().count() as f64;
            bounds(schema, ("minLength", "maxLength"), Some(length), " characters", &mut problem);
            if let Some(pattern) = schema["pattern"].as_str().filter(|pattern| !matches(pattern, text)) {
                problem(format!("{value} does not match {pattern}"));
            }
        }
        Value::Array(items) => {
            bounds(schema, ("minItems", "maxItems"), Some(items.len() as f64), " items", &mut problem);
            for (index, item) in items.iter().enumerate() {
                check(&schema["items"], item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            found.extend(
                required
                    .filter(|name| !fields.contains_key(*name))
                    .map(|name| (below(path, name), "is required".into())),
            );
            for (name, field) in fields {
                let path = below(path, name);
                match (schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(known), _) => check(known, field, &path, found),
                    (None, Some(any)) if any.is_object() => check(any, field, &path, found),
                    _ => found.push((path, unknown(schema, name))),
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn has_type(wanted: Option<&str>, value: &Value) -> bool {
    match wanted {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

fn bounds(
    schema: &Value,
    (least, most): (&str, &str),
    number: Option<f64>,
    unit: &str,
    problem: &mut impl FnMut(String),
) {
    let Some(number) = number else { return };
    let (least, most) = (schema[least].as_f64(), schema[most].as_f64());
    if least.is_some_and(|least| number < least) {
        problem(format!("{number}{unit} is less than {}", least.unwrap_or_default()));
    }
    if most.is_some_and(|most| number > most) {
        problem(format!("{number}{unit} is more than {}", most.unwrap_or_default()));
    }
}

/// Patterns are RE2, which is what CEL's `matches` speaks.
fn matches(pattern: &str, text: &str) -> bool {
    let rule = format!("self.matches({pattern:?})");
    let schema = json!({ "type": "string", "x-kubernetes-validations": [{ "rule": rule }] });
    Validator::new().validate(&schema, &json!(text), None).is_ok()
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A field that differs only in case is most often what was meant.
fn unknown(schema: &Value, name: &str) -> String {
    let known = schema["properties"].as_object().into_iter().flatten().map(|(known, _)| known);
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    match known.into_iter().find(|known| plain(known) == plain(name)) {
        Some(meant) => format!("is unknown; write {meant}"),
        None => "is unknown".to_owned(),
    }
}
