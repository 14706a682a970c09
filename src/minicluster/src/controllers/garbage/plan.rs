//! What there is to collect. Pure.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{
    CLEANUP_FINALIZER, ObjectKey, meta,
    state::{Change, ChangeKind, State},
};

/// Events are kept for an hour, as by a real API server.
const EVENT_LIFETIME: Duration = Duration::from_secs(3600);

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Delete an object.
    Delete {
        /// Which.
        key: ObjectKey,
        /// And only if it is still this one.
        uid: String,
        /// Whether its own dependents go first.
        foreground: bool,
    },
    /// Change the metadata of an object.
    Patch {
        /// Which.
        key: ObjectKey,
        /// JSON merge patch; it carries the resourceVersion it was made for.
        patch: Value,
    },
    /// Let a namespace go.
    FinalizeNamespace {
        /// Which.
        key: ObjectKey,
        /// The namespace without finalizers in its spec.
        namespace: Value,
    },
}

/// Whether a change can leave something to collect.
pub fn is_relevant(change: &Change) -> bool {
    let owners_before = change.previous.as_deref().map_or(&[][..], meta::owner_references);
    change.kind == ChangeKind::Deleted
        || meta::is_deleting(&change.object)
        || meta::owner_references(&change.object) != owners_before
}

/// Everything that can be done now.
pub fn plan(state: &State, now: Timestamp) -> Vec<Action> {
    let objects = state.objects();
    let by_uid: HashMap<&str, &Arc<Value>> = objects.values().map(|o| (meta::uid(o), o)).collect();
    let mut dependents: HashMap<&str, Vec<(&ObjectKey, &Arc<Value>)>> = HashMap::new();
    for (key, object) in objects {
        for owner in meta::owner_references(object) {
            dependents.entry(owner["uid"].as_str().unwrap_or_default()).or_default().push((key, object));
        }
    }
    let mut actions = Vec::new();
    for (key, object) in objects {
        if !meta::is_deleting(object) {
            actions.extend(collect_dependent(key, object, &by_uid, &dependents));
            actions.extend(expire_event(key, object, now));
            continue;
        }
        let finalizers: HashSet<&str> = meta::finalizers(object).into_iter().collect();
        let owned = dependents.get(meta::uid(object)).map_or(&[][..], Vec::as_slice);
        if finalizers.contains(FOREGROUND) && !owned.iter().any(|(_, d)| blocks(d, meta::uid(object))) {
            actions.push(without_finalizer(key, object, FOREGROUND));
        }
        if finalizers.contains(ORPHAN) {
            if owned.is_empty() {
                actions.push(without_finalizer(key, object, ORPHAN));
            }
            actions.extend(
                owned
                    .iter()
                    .map(|(key, dependent)| without_owners(key, dependent, &HashSet::from([meta::uid(object)]))),
            );
        }
        match key.resource.resource() {
            "namespaces" if key.resource.group().is_empty() => actions.extend(empty_namespace(state, key, object)),
            "customresourcedefinitions" if finalizers.contains(CLEANUP_FINALIZER) => {
                actions.extend(empty_definition(state, key, object));
            }
            _ => {}
        }
    }
    actions
}

/// An object all of whose owners are gone goes too; one that has others left forgets those that are gone.
fn collect_dependent(
    key: &ObjectKey,
    object: &Value,
    by_uid: &HashMap<&str, &Arc<Value>>,
    dependents: &HashMap<&str, Vec<(&ObjectKey, &Arc<Value>)>>,
) -> Option<Action> {
    let owners = meta::owner_references(object);
    let (mut gone, mut waiting, mut solid) = (HashSet::new(), false, false);
    for reference in owners {
        let uid = reference["uid"].as_str().unwrap_or_default();
        match by_uid.get(uid) {
            None => {
                gone.insert(uid);
            }
            Some(owner) if meta::is_deleting(owner) && meta::finalizers(owner).contains(&FOREGROUND) => waiting = true,
            Some(_) => solid = true,
        }
    }
    let delete = |foreground| Some(Action::Delete { key: key.clone(), uid: meta::uid(object).to_owned(), foreground });
    match (owners.is_empty(), solid, waiting) {
        (true, ..) => None,
        (_, true, _) if gone.is_empty() => None,
        (_, true, _) => Some(without_owners(key, object, &gone)),
        (_, false, true) => delete(dependents.contains_key(meta::uid(object))),
        (_, false, false) => delete(false),
    }
}

/// Whether a dependent holds back the deletion of its owner in the foreground.
fn blocks(dependent: &Value, owner: &str) -> bool {
    meta::owner_references(dependent).iter().any(|r| r["uid"] == owner && r["blockOwnerDeletion"] == true)
}

fn expire_event(key: &ObjectKey, object: &Value, now: Timestamp) -> Option<Action> {
    if key.resource.resource() != "events" || !key.resource.group().is_empty() {
        return None;
    }
    let times = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime", "/metadata/creationTimestamp"];
    let latest = times.iter().filter_map(|path| meta::parse_time(object.pointer(path)?)).max()?;
    let age = u64::try_from(now.as_second() - latest.as_second()).unwrap_or_default();
    (age > EVENT_LIFETIME.as_secs()).then(|| Action::Delete {
        key: key.clone(),
        uid: meta::uid(object).to_owned(),
        foreground: false,
    })
}

/// Deletes the content of a namespace that is going away and lets it go when nothing is left.
fn empty_namespace(state: &State, key: &ObjectKey, namespace: &Value) -> Vec<Action> {
    let content: Vec<_> = state.objects().iter().filter(|(k, _)| k.namespace == key.name).collect();
    if !content.is_empty() {
        return delete_all(content);
    }
    if meta::strings(&namespace["spec"]["finalizers"]).is_empty() {
        return Vec::new();
    }
    let mut namespace = namespace.clone();
    namespace["spec"]["finalizers"] = json!([]);
    vec![Action::FinalizeNamespace { key: key.clone(), namespace }]
}

/// Deletes the objects of a definition that is going away and lets it go when nothing is left.
fn empty_definition(state: &State, key: &ObjectKey, definition: &Value) -> Vec<Action> {
    let names = (&definition["spec"]["group"], &definition["spec"]["names"]["plural"]);
    let content: Vec<_> = state
        .objects()
        .iter()
        .filter(|(k, _)| names.0 == k.resource.group() && names.1 == k.resource.resource())
        .collect();
    if content.is_empty() { vec![without_finalizer(key, definition, CLEANUP_FINALIZER)] } else { delete_all(content) }
}

fn delete_all(content: Vec<(&ObjectKey, &Arc<Value>)>) -> Vec<Action> {
    let standing = content.into_iter().filter(|(_, object)| !meta::is_deleting(object));
    standing
        .map(|(key, object)| Action::Delete { key: key.clone(), uid: meta::uid(object).to_owned(), foreground: false })
        .collect()
}

fn without_finalizer(key: &ObjectKey, object: &Value, finalizer: &str) -> Action {
    let left: Vec<&str> = meta::finalizers(object).into_iter().filter(|f| *f != finalizer).collect();
    let metadata = json!({ "resourceVersion": meta::resource_version(object), "finalizers": left });
    Action::Patch { key: key.clone(), patch: json!({ "metadata": metadata }) }
}

fn without_owners(key: &ObjectKey, object: &Value, gone: &HashSet<&str>) -> Action {
    let left: Vec<&Value> = meta::owner_references(object)
        .iter()
        .filter(|reference| !gone.contains(reference["uid"].as_str().unwrap_or_default()))
        .collect();
    let metadata = json!({ "resourceVersion": meta::resource_version(object), "ownerReferences": left });
    Action::Patch { key: key.clone(), patch: json!({ "metadata": metadata }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::GroupResource;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { resource: GroupResource::new("", "configmaps"), namespace: "d".into(), name: name.into() }
    }

    fn object(uid: &str, owners: &[&str], more: &Value) -> Value {
        let owners: Vec<Value> = owners.iter().map(|uid| json!({ "uid": uid, "blockOwnerDeletion": true })).collect();
        let mut object = json!({ "metadata": { "uid": uid, "ownerReferences": owners } });
        for (field, value) in more.as_object().into_iter().flatten() {
            object["metadata"][field] = value.clone();
        }
        object
    }

    fn kinds(state: &State) -> Vec<String> {
        let show = |action: &Action| match action {
            Action::Delete { key, foreground, .. } => format!("delete {} {foreground}", key.name),
            Action::Patch { key, .. } => format!("patch {}", key.name),
            Action::FinalizeNamespace { key, .. } => format!("finalize {}", key.name),
        };
        plan(state, Timestamp::UNIX_EPOCH).iter().map(show).collect()
    }

    #[test]
    fn dependents_of_absent_owners_go() {
        let mut state = State::default();
        state.put(&key("orphan"), object("1", &["gone"], &json!({})));
        state.put(&key("half"), object("2", &["gone", "1"], &json!({})));
        state.put(&key("free"), object("3", &[], &json!({})));
        assert_eq!(kinds(&state), ["patch half", "delete orphan false"]);
    }

    #[test]
    fn in_the_foreground_dependents_go_first() {
        let mut state = State::default();
        let deleting = json!({ "deletionTimestamp": "2024-01-01T00:00:00Z", "finalizers": ["foregroundDeletion"] });
        state.put(&key("owner"), object("1", &[], &deleting));
        state.put(&key("child"), object("2", &["1"], &json!({})));
        assert_eq!(kinds(&state), ["delete child false"]);
        state.remove(&key("child"));
        assert_eq!(kinds(&state), ["patch owner"]);
    }

    #[test]
    fn orphaned_dependents_stay() {
        let mut state = State::default();
        let deleting = json!({ "deletionTimestamp": "2024-01-01T00:00:00Z", "finalizers": ["orphan"] });
        state.put(&key("owner"), object("1", &[], &deleting));
        state.put(&key("child"), object("2", &["1"], &json!({})));
        assert_eq!(kinds(&state), ["patch child"]);
    }
}
