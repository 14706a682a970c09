//! The cluster's memory: objects by key, the revision counter and the log that watches read.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    meta,
    registry::Registry,
    resource::{GroupResource, ObjectKey},
};

/// Changes kept for watches to resume from; a watch further behind gets 410 Gone.
pub const LOG_CAPACITY: usize = 20_000;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Created.
    Added,
    /// Changed.
    Modified,
    /// Removed.
    Deleted,
}

/// One committed change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Revision of the change; `object` carries it as resourceVersion.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// Which object.
    pub key: ObjectKey,
    /// The object after the change; for a deletion its last state.
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Arc<Value>>,
}

/// Objects, revision and change log. Pure: persistence and waiting live in [`Store`](super::store::Store).
#[derive(Debug, Default)]
pub struct State {
    revision: u64,
    compacted: u64,
    objects: BTreeMap<ObjectKey, Arc<Value>>,
    log: VecDeque<Change>,
    registry: Registry,
}

impl State {
    /// State recovered from a snapshot: `objects` as of `revision`.
    pub fn restore(revision: u64, objects: BTreeMap<ObjectKey, Arc<Value>>) -> Self {
        let mut state = Self { revision, compacted: revision, objects, ..Self::default() };
        let definitions: Vec<_> = state.of_resource(&Registry::definitions(), None).map(|(_, o)| o.clone()).collect();
        for definition in definitions {
            state.registry.define(&definition);
        }
        state
    }

    /// Revision of the latest change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Changes up to this revision are no longer in the log.
    pub fn compacted(&self) -> u64 {
        self.compacted
    }

    /// The served resource types.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// All objects.
    pub fn objects(&self) -> &BTreeMap<ObjectKey, Arc<Value>> {
        &self.objects
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The objects of one resource, in one namespace or in all, in key order.
    pub fn of_resource<'a>(
        &'a self,
        resource: &'a GroupResource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a ObjectKey, &'a Arc<Value>)> {
        range(&self.objects, resource, namespace)
    }

    /// Stores `object` under `key` with the next revision as its resourceVersion and returns the change.
    pub fn put(&mut self, key: &ObjectKey, object: Value) -> Change {
        let kind = if self.objects.contains_key(key) { ChangeKind::Modified } else { ChangeKind::Added };
        self.commit(kind, key, object)
    }

    /// Removes the object under `key`; `None` if there is none.
    pub fn remove(&mut self, key: &ObjectKey) -> Option<Change> {
        let last = self.objects.get(key)?.as_ref().clone();
        Some(self.commit(ChangeKind::Deleted, key, last))
    }

    /// Removes the object under `key`, giving `last` as the state it had in the end.
    pub fn remove_last(&mut self, key: &ObjectKey, last: Value) -> Change {
        self.commit(ChangeKind::Deleted, key, last)
    }

    fn commit(&mut self, kind: ChangeKind, key: &ObjectKey, mut object: Value) -> Change {
        meta::metadata_mut(&mut object).insert("resourceVersion".to_owned(), json!((self.revision + 1).to_string()));
        self.apply(self.revision + 1, kind, key, Arc::new(object))
    }

    /// Applies a change that already has its revision, as recovery does.
    pub fn apply(&mut self, revision: u64, kind: ChangeKind, key: &ObjectKey, object: Arc<Value>) -> Change {
        let previous = match kind {
            ChangeKind::Deleted => self.objects.remove(key),
            ChangeKind::Added | ChangeKind::Modified => self.objects.insert(key.clone(), object.clone()),
        };
        if key.resource == Registry::definitions() {
            match kind {
                ChangeKind::Deleted => self.registry.undefine(&key.name),
                ChangeKind::Added | ChangeKind::Modified => self.registry.define(&object),
            }
        }
        self.revision = revision;
        let change = Change { revision, kind, key: key.clone(), object, previous };
        self.log.push_back(change.clone());
        while self.log.len() > LOG_CAPACITY {
            if let Some(oldest) = self.log.pop_front() {
                self.compacted = oldest.revision;
            }
        }
        change
    }

    /// Changes after `revision`, oldest first. The caller checks [`compacted`](Self::compacted) first.
    pub fn changes_after(&self, revision: u64) -> impl Iterator<Item = &Change> {
        let start = self.log.partition_point(|change| change.revision <= revision);
        self.log.range(start..)
    }

    /// The objects of one resource as they were at `revision`, rebuilt by undoing later changes.
    pub fn of_resource_at(
        &self,
        revision: u64,
        resource: &GroupResource,
        namespace: Option<&str>,
    ) -> BTreeMap<ObjectKey, Arc<Value>> {
        let mut objects: BTreeMap<_, _> =
            self.of_resource(resource, namespace).map(|(k, o)| (k.clone(), o.clone())).collect();
        let later: Vec<&Change> = self.changes_after(revision).collect();
        for change in later.into_iter().rev() {
            let inside = change.key.resource == *resource && namespace.is_none_or(|n| n == change.key.namespace);
            if !inside {
                continue;
            }
            match &change.previous {
                Some(previous) => objects.insert(change.key.clone(), previous.clone()),
                None => objects.remove(&change.key),
            };
        }
        objects
    }

    /// Forgets history up to `revision`, so that watches from before it get 410 Gone.
    pub fn compact(&mut self, revision: u64) {
        while self.log.front().is_some_and(|change| change.revision <= revision) {
            self.log.pop_front();
        }
        self.compacted = self.compacted.max(revision.min(self.revision));
    }
}

fn range<'a>(
    objects: &'a BTreeMap<ObjectKey, Arc<Value>>,
    resource: &'a GroupResource,
    namespace: Option<&'a str>,
) -> impl Iterator<Item = (&'a ObjectKey, &'a Arc<Value>)> {
    let first = ObjectKey {
        resource: resource.clone(),
        namespace: namespace.unwrap_or_default().to_owned(),
        name: String::new(),
    };
    objects
        .range((Bound::Included(first), Bound::Unbounded))
        .take_while(move |(key, _)| key.resource == *resource && namespace.is_none_or(|n| n == key.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { resource: GroupResource::new("", "pods"), namespace: "d".into(), name: name.into() }
    }

    #[test]
    fn the_past_can_be_rebuilt() {
        let mut state = State::default();
        state.put(&key("a"), json!({ "v": 1 }));
        state.put(&key("a"), json!({ "v": 2 }));
        state.put(&key("b"), json!({ "v": 1 }));
        state.remove(&key("a"));
        let at = |revision| {
            let objects = state.of_resource_at(revision, &GroupResource::new("", "pods"), Some("d"));
            objects.iter().map(|(k, o)| format!("{}{}", k.name, o["v"])).collect::<Vec<_>>()
        };
        assert_eq!(at(1), ["a1"]);
        assert_eq!(at(2), ["a2"]);
        assert_eq!(at(3), ["a2", "b1"]);
        assert_eq!(at(4), ["b1"]);
    }
}
