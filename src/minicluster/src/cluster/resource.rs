//! Resource types: what is served under which path, and how it behaves.

use std::{fmt, sync::Arc};

use super::{builtin::BuiltinKind, crd::CustomKind};

/// Group and plural resource name; prints as `jobs.batch` or, for the core group, `pods`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupResource {
    group: Arc<str>,
    resource: Arc<str>,
}

impl GroupResource {
    /// `group` is empty for the core group.
    pub fn new(group: &str, resource: &str) -> Self {
        Self { group: group.into(), resource: resource.into() }
    }

    /// The API group, empty for core.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The plural resource name.
    pub fn resource(&self) -> &str {
        &self.resource
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// Identity of one stored object. Ordered so that one resource, and in it one namespace, is one range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Which resource.
    pub resource: GroupResource,
    /// Namespace; empty for cluster-scoped resources.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// Where a resource type comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Compiled in.
    Builtin(&'static BuiltinKind),
    /// Defined by a CustomResourceDefinition.
    Custom(Arc<CustomKind>),
}

/// A served resource type.
#[derive(Clone, Debug)]
pub struct ResourceType {
    /// API group, empty for core.
    pub group: String,
    /// Served versions, preferred first.
    pub versions: Vec<String>,
    /// Plural name used in paths.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Kind of one object.
    pub kind: String,
    /// Kind of a list.
    pub list_kind: String,
    /// Names `kubectl` accepts in place of the plural.
    pub short_names: Vec<String>,
    /// Groups such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Whether `/status` exists, so that status is ignored on the main path and spec on `/status`.
    pub has_status: bool,
    /// Key under which objects are stored; differs from group and plural only for `events.k8s.io`.
    pub storage: GroupResource,
    /// Behaviour.
    pub origin: Origin,
}

impl ResourceType {
    /// Group and plural as error messages name them.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.plural)
    }

    /// `apiVersion` of objects served in `version`.
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// Storage key of one object.
    pub fn key(&self, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey { resource: self.storage.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The CRD-defined part, where there is one.
    pub fn custom(&self) -> Option<&CustomKind> {
        match &self.origin {
            Origin::Custom(custom) => Some(custom),
            Origin::Builtin(_) => None,
        }
    }

    /// The compiled-in part, where there is one.
    pub fn builtin(&self) -> Option<&'static BuiltinKind> {
        match &self.origin {
            Origin::Builtin(kind) => Some(kind),
            Origin::Custom(_) => None,
        }
    }
}
