//! JSON merge patch, strategic merge patch and JSON patch.

use serde_json::{Map, Value, json};

use super::{
    error::ApiError,
    shape::{Shape, identity},
};

/// RFC 7386.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// RFC 6902.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
    json_patch::patch(target, &patch).map_err(|e| ApiError {
        code: http::StatusCode::UNPROCESSABLE_ENTITY,
        reason: "Invalid",
        message: format!("the server rejected our request due to an error in our request: {e}"),
        details: json!({}),
    })
}

/// Strategic merge patch: as a merge patch, but lists with keys are merged item by item. Directives `$patch`
/// (`delete`, `replace`), `$deleteFromPrimitiveList`, `$setElementOrder` and `$retainKeys` are understood.
pub fn strategic(target: &mut Value, patch: &Value, shape: &Shape<'_>) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if patch.get("$patch") == Some(&json!("replace")) {
        *target = Value::Object(without_directives(patch));
        return;
    }
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(target) = target else { return };
    if let Some(keep) = patch.get("$retainKeys") {
        let keep = super::meta::strings(keep);
        target.retain(|key, _| keep.contains(&key.as_str()));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(Value::Array(items)) = target.get_mut(list) {
                items.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            // The order of elements does not change what an object means here.
        } else if value.is_null() || value.get("$patch") == Some(&json!("delete")) {
            target.remove(key);
        } else if let Value::Array(items) = value {
            let child = shape.field(key);
            let list = target.entry(key.clone()).or_insert_with(|| json!([]));
            merge_list(list, items, &child);
        } else {
            strategic(target.entry(key.clone()).or_insert(Value::Null), value, &shape.field(key));
        }
    }
}

fn merge_list(target: &mut Value, patch: &[Value], shape: &Shape<'_>) {
    let existing = target.as_array().cloned().unwrap_or_default();
    let replaces = patch.iter().any(|item| item.get("$patch") == Some(&json!("replace")));
    let is_object_list = existing.iter().chain(patch).all(Value::is_object);
    let Some(keys) = shape.list_keys(existing.iter().chain(patch)).filter(|_| is_object_list && !replaces) else {
        if shape.is_set() && !replaces {
            let new = patch.iter().filter(|item| !existing.contains(item)).cloned();
            *target = existing.iter().cloned().chain(new).collect();
        } else {
            *target = patch.iter().filter(|item| item.get("$patch").is_none()).cloned().collect();
        }
        return;
    };
    let same = |a: &Value, b: &Value| identity(a, &keys) == identity(b, &keys);
    let mut merged = existing;
    for item in patch {
        if item.get("$patch") == Some(&json!("delete")) {
            merged.retain(|other| !same(other, item));
        } else if let Some(found) = merged.iter_mut().find(|other| same(other, item)) {
            strategic(found, item, &shape.item());
        } else {
            merged.push(Value::Object(item.as_object().map(without_directives).unwrap_or_default()));
        }
    }
    *target = Value::Array(merged);
}

fn without_directives(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().filter(|(key, _)| !key.starts_with('$')).map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patch_replaces_lists_and_removes_nulls() {
        let mut target = json!({ "a": { "b": 1, "c": 2 }, "l": [1, 2] });
        merge(&mut target, &json!({ "a": { "b": null, "d": 3 }, "l": [3] }));
        assert_eq!(target, json!({ "a": { "c": 2, "d": 3 }, "l": [3] }));
    }

    #[test]
    fn strategic_patch_merges_lists_by_key() {
        let mut pod = json!({
            "spec": { "containers": [{ "name": "a", "image": "x", "env": [{ "name": "E", "value": "1" }] }] },
            "status": { "conditions": [{ "type": "Ready", "status": "False" }, { "type": "Other", "status": "True" }] },
        });
        let patch = json!({
            "spec": { "containers": [{ "name": "a", "env": [{ "name": "F", "value": "2" }] }, { "name": "b" }] },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }, { "$patch": "delete", "type": "Other" }] },
        });
        strategic(&mut pod, &patch, &Shape::builtin());
        assert_eq!(
            pod,
            json!({
                "spec": { "containers": [
                    { "name": "a", "image": "x", "env": [{ "name": "E", "value": "1" }, { "name": "F", "value": "2" }] },
                    { "name": "b" },
                ] },
                "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
            })
        );
    }
}
