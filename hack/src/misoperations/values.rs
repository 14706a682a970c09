//! Values for a field: at the boundaries of its schema, and beyond them.

use serde_json::{Value, json};

/// Values at the boundaries of a schema, beyond them, and of another type.
pub(super) fn values(schema: &Value, value: Option<&Value>) -> Vec<(&'static str, Value)> {
    match schema["type"].as_str() {
        Some("integer") => integers(schema),
        Some("string") => strings(schema, value.and_then(Value::as_str)),
        Some("boolean") => {
            vec![("the other one", json!(value != Some(&json!(true)))), ("of another type", json!("yes"))]
        }
        Some("array") => arrays(schema, value),
        Some("object") => {
            let empty = ("empty", json!({}));
            let most = schema["maxProperties"].as_u64();
            let many = most.map(|most| {
                let entries = (0..=most).map(|index| (format!("k{index}"), json!("1")));
                ("more than the most", Value::Object(entries.collect()))
            });
            [empty, ("of another type", json!("an object"))].into_iter().chain(many).collect()
        }
        _ => Vec::new(),
    }
}

fn integers(schema: &Value) -> Vec<(&'static str, Value)> {
    let narrow = schema["format"] == "int32";
    let (lowest, highest) = if narrow { (i32::MIN.into(), i32::MAX.into()) } else { (i64::MIN, i64::MAX) };
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound as i64);
    let mut values = vec![
        ("least", json!(bound("minimum").unwrap_or(lowest))),
        ("most", json!(bound("maximum").unwrap_or(highest))),
        ("of another type", json!("many")),
        ("a fraction", json!(1.5)),
    ];
    values.extend(bound("minimum").map(|least| ("less than the least", json!(least - 1))));
    values.extend(bound("maximum").map(|most| ("more than the most", json!(most + 1))));
    values
}

fn strings(schema: &Value, value: Option<&str>) -> Vec<(&'static str, Value)> {
    let mut values = vec![("of another type", json!(7))];
    for other in schema["enum"].as_array().into_iter().flatten() {
        values.push(("another choice", other.clone()));
    }
    if schema["enum"].is_array() {
        values.push(("no choice", json!("Nonsense")));
        return values;
    }
    values.push(("empty", json!("")));
    values.push(("of other characters", json!("\u{1F300} not this")));
    if let Some(most) = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()) {
        let long = |length: usize| {
            let start = value.unwrap_or("a");
            format!("{start}{}", "a".repeat(length.saturating_sub(start.chars().count())))
        };
        values.push(("longest", json!(long(most))));
        values.push(("longer than the longest", json!(long(most + 1))));
    }
    values
}

fn arrays(schema: &Value, value: Option<&Value>) -> Vec<(&'static str, Value)> {
    let mut values = vec![("empty", json!([])), ("of another type", json!("a list"))];
    let first = value.and_then(|value| value.get(0));
    if let (Some(first), Some(most)) = (first, schema["maxItems"].as_u64()) {
        let copies = |count: u64| Value::Array((0..count).map(|_| first.clone()).collect());
        values.push(("twice the same", copies(2)));
        values.push(("more than the most", copies(most + 1)));
    }
    values
}
