//! What of an answer must be the same on any API server.

use std::fmt;

use serde_json::{Value, json};

/// An answer without what differs between any two servers: uids, versions, times, and the words of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer(Value);

impl Answer {
    pub(super) fn of(answer: Value) -> Self {
        if answer["code"].is_number() && answer["reason"].is_string() {
            return Self(refusal(&answer));
        }
        Self(plain(answer))
    }
}

/// Code, reason, and which fields are wrong; the sentences are each server's own.
fn refusal(status: &Value) -> Value {
    let causes = status["details"]["causes"].as_array();
    let mut fields: Vec<String> = causes
        .into_iter()
        .flatten()
        .map(|cause| format!("{} {}", cause["field"].as_str().unwrap_or(""), cause["reason"].as_str().unwrap_or("")))
        .collect();
    fields.sort_unstable();
    json!({ "code": status["code"], "reason": status["reason"], "fields": fields })
}

fn plain(mut value: Value) -> Value {
    if let Some(items) = value["items"].as_array() {
        let items: Vec<Value> = items.iter().cloned().map(plain).collect();
        return json!({ "items": items });
    }
    if let Some(metadata) = value["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "creationTimestamp", "namespace"] {
            metadata.remove(field);
        }
        if metadata.contains_key("deletionTimestamp") {
            metadata.insert("deletionTimestamp".into(), json!("set"));
        }
        let managers = metadata.remove("managedFields").unwrap_or_default();
        metadata.insert("managers".into(), self::managers(&managers));
    }
    // What became of an object that was deleted at once; its uid differs.
    if value["kind"] == "Status" {
        return json!({ "status": value["status"] });
    }
    value
}

/// Who owns which fields.
fn managers(fields: &Value) -> Value {
    let mut all: Vec<Value> = fields
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| json!([entry["manager"], entry["operation"], entry["subresource"], entry["fieldsV1"]]))
        .collect();
    all.sort_by_key(ToString::to_string);
    Value::Array(all)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
