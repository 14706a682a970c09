//! Events: one store, two APIs. `events.k8s.io/v1` objects are converted to core `v1` for storage, as in a real
//! API server.

use serde_json::{Map, Value, json};

use super::Rules;

/// Pairs of field names, `events.k8s.io/v1` first.
const RENAMED: [(&str, &str); 7] = [
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
    ("deprecatedCount", "count"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedSource", "source"),
];

/// Both APIs accept what the typed form accepts.
pub const RULES: Rules = Rules::PLAIN;

/// `events.k8s.io/v1` → core `v1`.
pub fn to_core(event: Value) -> Value {
    rename(event, "v1", RENAMED)
}

/// Core `v1` → `events.k8s.io/v1`.
pub fn from_core(event: Value) -> Value {
    rename(event, "events.k8s.io/v1", RENAMED.map(|(new, core)| (core, new)))
}

fn rename(event: Value, api_version: &str, names: [(&str, &str); 7]) -> Value {
    let Value::Object(map) = event else { return event };
    let mut renamed: Map<String, Value> = map
        .into_iter()
        .map(|(key, value)| match names.iter().find(|(from, _)| *from == key) {
            Some((_, to)) => ((*to).to_owned(), value),
            None => (key, value),
        })
        .collect();
    renamed.insert("apiVersion".to_owned(), json!(api_version));
    Value::Object(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_is_lossless() {
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "a" }, "note": "hello",
            "regarding": { "kind": "Pod" }, "reportingController": "c", "reportingInstance": "i", "reason": "R",
            "type": "Normal", "action": "A",
        });
        let core = to_core(event.clone());
        assert_eq!(core["message"], "hello");
        assert_eq!(core["involvedObject"]["kind"], "Pod");
        assert_eq!(from_core(core), event);
    }
}
