//! Filling in schema defaults.

use serde_json::Value;

/// Applies `default`s from `schema` to `value`.
///
/// A null in a field that is not nullable counts as absent: it is replaced by the default or dropped.
pub fn default_fields(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, child) in schema["properties"].as_object().into_iter().flatten() {
                let is_null = map.get(key).is_some_and(Value::is_null) && child["nullable"] != true;
                if is_null {
                    map.remove(key);
                }
                if !map.contains_key(key)
                    && let Some(default) = child.get("default")
                {
                    map.insert(key.clone(), default.clone());
                }
                if let Some(present) = map.get_mut(key) {
                    default_fields(child, present);
                }
            }
            let additional = &schema["additionalProperties"];
            if additional.is_object() {
                for child in map.values_mut() {
                    if child.is_null()
                        && additional["nullable"] != true
                        && let Some(default) = additional.get("default")
                    {
                        *child = default.clone();
                    }
                    default_fields(additional, child);
                }
                if additional["nullable"] != true {
                    map.retain(|_, child| !child.is_null());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| default_fields(&schema["items"], item)),
        _ => {}
    }
}
