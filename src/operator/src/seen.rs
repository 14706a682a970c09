//! Which objects were looked at since the controllers run: how far a start is.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};

/// Entries of objects that are gone, before they are looked for.
const SLACK: usize = 1_000;

/// Objects of one kind that were looked at.
pub(crate) struct Seen<K: Resource + Clone + 'static>
where
    K::DynamicType: Hash + Eq,
{
    store: Store<K>,
    keys: Mutex<HashSet<u64>>,
}

impl<K: Resource<DynamicType = ()> + Clone> Seen<K> {
    /// None of those in the store.
    pub(crate) fn new(store: Store<K>) -> Self {
        Self { store, keys: Mutex::default() }
    }

    /// One more; how many there are now. Nobody tells of an object that is gone, so the store is asked now and then.
    pub(crate) fn note(&self, object: &K) -> usize {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key(object));
        if keys.len() > self.store.len() + SLACK {
            let there: HashSet<u64> = self.store.state().iter().map(|object| key(&**object)).collect();
            keys.retain(|key| there.contains(key));
        }
        keys.len()
    }
}

fn key(object: &impl ResourceExt) -> u64 {
    let mut hasher = DefaultHasher::new();
    object.uid().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::{reflector, watcher};

    use super::*;

    #[test]
    fn objects_count_once_and_those_that_are_gone_no_more() {
        let object = |number: usize| {
            let mut object = ConfigMap::default();
            object.metadata.name = Some(format!("m{number}"));
            object.metadata.uid = Some(number.to_string());
            object
        };
        let (store, mut writer) = reflector::store();
        let seen = Seen::new(store);
        writer.apply_watcher_event(&watcher::Event::Apply(object(0)));
        assert_eq!((seen.note(&object(0)), seen.note(&object(0))), (1, 1));
        let counts = (1..=SLACK + 1).map(|number| seen.note(&object(number)));
        assert_eq!(counts.last(), Some(1), "all but one were never there");
    }
}
