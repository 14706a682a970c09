//! Server-side apply: who owns which field, and merging by ownership.
//!
//! The algorithm is that of structured-merge-diff: an applied configuration owns the fields it names; a field another
//! manager owns with another value is a conflict unless forced; a field the manager applied before and leaves out now
//! is removed if nobody else owns it.

mod fields;
mod managers;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use self::{
    fields::FieldSet,
    managers::{Manager, Managers, Operation},
};
use super::{
    error::ApiError,
    shape::{Shape, identity},
};

/// Fields of metadata no manager owns: the server's own.
const SYSTEM_METADATA: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
];

/// Reduces an object to the fields a manager can own through an endpoint.
///
/// `subresource` is `status` or empty; `only_status` says that the status endpoint takes nothing but status, as for
/// custom resources; `without_status` that the main endpoint ignores it.
pub fn ownable(object: &Value, subresource: &str, only_status: bool, without_status: bool) -> Value {
    let mut object = object.clone();
    let Value::Object(map) = &mut object else { return object };
    map.remove("apiVersion");
    map.remove("kind");
    if subresource == "status" {
        map.retain(|key, _| key == "status" || (!only_status && key == "metadata"));
    } else if without_status {
        map.remove("status");
    }
    if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
        metadata.retain(|key, _| !SYSTEM_METADATA.contains(&key.as_str()));
        if metadata.is_empty() {
            map.remove("metadata");
        }
    }
    object
}

/// The result of an apply.
#[derive(Debug)]
pub struct Applied {
    /// The merged object, without managedFields.
    pub object: Value,
    /// The new owners.
    pub managers: Managers,
}

/// Applies `config` (already [`ownable`]) as `manager` to `live`.
///
/// # Errors
/// 409 with one cause per field when other managers own fields with other values and `force` is not set.
pub fn apply(
    live: &Value,
    mut managers: Managers,
    manager: &Manager,
    config: &Value,
    shape: &Shape<'_>,
    force: bool,
) -> Result<Applied, ApiError> {
    let applied = FieldSet::of(config, shape);
    let before = managers.take(manager);
    let differing = applied.filter(&|path| fields::lookup(live, path) != fields::lookup(config, path));
    let conflicts = managers.conflicts(&differing);
    if !conflicts.is_empty() {
        if !force {
            return Err(ApiError::apply_conflict(&conflicts));
        }
        managers.disown(&differing);
    }
    let mut object = live.clone();
    merge(&mut object, config, shape);
    if let Some(before) = &before {
        let others = managers.all_fields();
        remove_dropped(&mut object, before, &applied, &others);
    }
    managers.set(manager.clone(), applied);
    Ok(Applied { object, managers })
}

/// Owners after an ordinary write (create, update, patch) by `manager` turned `old` into `new` (both [`ownable`]).
pub fn track_update(
    old: Option<&Value>,
    new: &Value,
    mut managers: Managers,
    manager: &Manager,
    shape: &Shape<'_>,
) -> Managers {
    let after = FieldSet::of(new, shape);
    let Some(old) = old else {
        managers.set(manager.clone(), after);
        return managers;
    };
    let changed = after.filter(&|path| fields::lookup(old, path) != fields::lookup(new, path));
    let gone = FieldSet::of(old, shape).filter(&|path| fields::lookup(new, path).is_none());
    if changed.is_empty() && gone.is_empty() {
        return managers;
    }
    managers.disown(&changed);
    managers.disown(&gone);
    let mut own = managers.take(manager).unwrap_or_default();
    own.add(&changed);
    managers.set(manager.clone(), own);
    managers
}

/// Merges `config` into `live` by the shape of each position.
fn merge(live: &mut Value, config: &Value, shape: &Shape<'_>) {
    match (live, config) {
        (Value::Object(live), Value::Object(config)) if !shape.is_atomic_map() => {
            for (key, value) in config {
                match live.get_mut(key) {
                    Some(present) => merge(present, value, &shape.field(key)),
                    None => {
                        live.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(live), Value::Array(config)) => {
            if let Some(keys) = shape.list_keys(live.iter().chain(config)) {
                for item in config {
                    let id = identity(item, &keys);
                    match live.iter_mut().find(|other| identity(other, &keys) == id) {
                        Some(present) => merge(present, item, &shape.item()),
                        None => live.push(item.clone()),
                    }
                }
            } else if shape.is_set() {
                for item in config {
                    if !live.contains(item) {
                        live.push(item.clone());
                    }
                }
            } else {
                live.clone_from(config);
            }
        }
        (live, config) => *live = config.clone(),
    }
}

/// Removes from `value` what `before` owned, `now` does not, and nobody else does.
fn remove_dropped(value: &mut Value, before: &FieldSet, now: &FieldSet, others: &FieldSet) {
    for (element, node) in before.elements() {
        let (still, elsewhere) = (now.get(element), others.get(element));
        if still.is_none() && elsewhere.is_none() {
            fields::remove(value, element);
            continue;
        }
        let Some(child) = fields::child_mut(value, element) else { continue };
        let was_container =
            child.as_object().is_some_and(|m| !m.is_empty()) || child.as_array().is_some_and(|a| !a.is_empty());
        let none = FieldSet::default();
        remove_dropped(child, node, still.unwrap_or(&none), elsewhere.unwrap_or(&none));
        let emptied = was_container && (*child == json!({}) || *child == json!([]));
        let owned = still.is_some_and(FieldSet::is_owned) || elsewhere.is_some_and(FieldSet::is_owned);
        if emptied && !owned {
            fields::remove(value, element);
        }
    }
}
