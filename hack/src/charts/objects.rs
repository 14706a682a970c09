//! Kubernetes objects as plain values.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// All objects of a file with several documents.
pub(super) fn read(text: &str) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let object = Value::deserialize(document).context("read YAML")?;
        if !object.is_null() {
            objects.push(object);
        }
    }
    Ok(objects)
}

/// The text at a path of field names; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}

/// The list at a path; empty where there is none.
pub(super) fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What is at a path; null where there is nothing.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, name| value.get(name).unwrap_or(&Value::Null))
}

/// The kind of an object.
pub(super) fn kind(object: &Value) -> &str {
    text(object, &["kind"])
}

/// The name of an object.
pub(super) fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}

/// The namespace of an object; empty where it has none.
pub(super) fn namespace(object: &Value) -> &str {
    text(object, &["metadata", "namespace"])
}

/// How a problem names an object.
pub(super) fn title(object: &Value) -> String {
    format!("{} {}", kind(object), name(object))
}

/// Whether `labels` has everything that `wanted` asks for.
pub(super) fn has_labels(labels: &Value, wanted: &Value) -> bool {
    let Some(wanted) = wanted.as_object() else { return false };
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_one_by_one_and_empty_ones_left_out() {
        let objects = read("---\nkind: A\nmetadata: { name: a }\n---\n# nothing\n---\nkind: B\n").unwrap();
        assert_eq!(objects.iter().map(kind).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((title(&objects[0]), namespace(&objects[0])), ("A a".to_owned(), ""));
    }

    #[test]
    fn labels_are_had_when_all_are() {
        let labels = json!({ "a": "1", "b": "2" });
        assert!(has_labels(&labels, &json!({ "a": "1" })) && has_labels(&labels, &json!({})));
        assert!(!has_labels(&labels, &json!({ "a": "2" })) && !has_labels(&labels, &Value::Null));
    }
}
