//! The resource types being served: compiled-in ones and those of CustomResourceDefinitions.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::{
    builtin, crd, meta,
    resource::{GroupResource, ResourceType},
};

/// Served resource types.
#[derive(Debug, Default)]
pub struct Registry {
    custom: BTreeMap<String, Arc<ResourceType>>,
}

impl Registry {
    /// The resource CustomResourceDefinitions are stored under.
    pub fn definitions() -> GroupResource {
        GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
    }

    /// Serves what `definition` defines, replacing an earlier state of it.
    pub fn define(&mut self, definition: &Value) {
        self.custom.insert(meta::name(definition).to_owned(), crd::resource_type(definition));
    }

    /// Stops serving what the definition called `name` defined.
    pub fn undefine(&mut self, name: &str) {
        self.custom.remove(name);
    }

    /// All served types, compiled-in ones first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        builtin_types().iter().chain(self.custom.values())
    }

    /// The type served at `group`/`version`/`plural`.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<ResourceType>> {
        let serves =
            |t: &&Arc<ResourceType>| t.group == group && t.plural == plural && t.versions.iter().any(|v| v == version);
        self.all().find(serves).cloned()
    }

    /// The type objects under a storage key belong to.
    pub fn of_storage(&self, storage: &GroupResource) -> Option<Arc<ResourceType>> {
        self.all().find(|t| t.storage == *storage).cloned()
    }

    /// The type of an `apiVersion` and `kind`, as owner references name it.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<Arc<ResourceType>> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        self.all().find(|t| t.group == group && t.kind == kind).cloned()
    }
}

fn builtin_types() -> &'static [Arc<ResourceType>] {
    static TYPES: OnceLock<Vec<Arc<ResourceType>>> = OnceLock::new();
    TYPES.get_or_init(builtin::resource_types)
}
