//! What of an answer must be the same on any API server.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Fields that are maps or lists: alone, they stand for the map itself.
const MAPS: [&str; 6] = ["f:data", "f:finalizers", "f:labels", "f:metadata", "f:spec", "f:status"];
/// Differences shown of one answer.
const SHOWN: usize = 6;

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

    /// Where `ours` differs from this one, a line each.
    pub(super) fn difference(&self, ours: &Self) -> String {
        let mut found = Vec::new();
        differences("", &self.0, &ours.0, &mut found);
        found.iter().take(SHOWN).map(|line| line.chars().take(300).collect()).collect::<Vec<String>>().join("\n  ")
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
        // A controller of the real server puts its certificate into every namespace.
        let asked = items.iter().filter(|item| item["metadata"]["name"] != "kube-root-ca.crt");
        let items: Vec<Value> = asked.cloned().map(plain).collect();
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

/// Who owns which fields. That somebody also owns the map around a field is left out: the real server notes it for
/// updates, the minicluster does not, and no conflict depends on it.
fn managers(fields: &Value) -> Value {
    let entries = fields.as_array().into_iter().flatten();
    let mut all: Vec<Value> = entries
        .filter_map(|entry| {
            let owned = without_markers(&entry["fieldsV1"])?;
            Some(json!([entry["manager"], entry["operation"], entry["subresource"], owned]))
        })
        .collect();
    all.sort_by_key(ToString::to_string);
    Value::Array(all)
}

/// An empty map is a field; one that holds markers only is nothing.
fn without_markers(fields: &Value) -> Option<Value> {
    let map = fields.as_object().filter(|map| !map.is_empty());
    let Some(map) = map else { return Some(fields.clone()) };
    let inner: Map<String, Value> = map
        .iter()
        .filter(|(name, _)| *name != ".")
        .filter(|(name, value)| !(MAPS.contains(&name.as_str()) && value.as_object().is_some_and(Map::is_empty)))
        .filter_map(|(name, value)| Some((name.clone(), without_markers(value)?)))
        .collect();
    (!inner.is_empty()).then_some(Value::Object(inner))
}

/// Where two answers differ: path, one value, the other.
fn differences(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    if one == other {
        return;
    }
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let (one, other) = (a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null));
                differences(&format!("{path}.{name}"), one, other, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (one, other)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), one, other, found);
            }
        }
        _ => found.push(format!("{path}: real {one}, ours {other}")),
    }
}
