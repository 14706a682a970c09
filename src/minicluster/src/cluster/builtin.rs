//! The compiled-in kinds: one table row each.
//!
//! A row names the typed form from `k8s-openapi`; a round trip through it drops unknown fields and refuses wrong
//! types exactly where a real server's decoder does. Defaults and validation follow in the submodules.

pub mod apps;
pub mod batch;
pub mod core;
pub mod events;
pub mod pod;
pub mod pod_validation;
mod table;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use table::KINDS;

use super::{
    error::Cause,
    resource::{GroupResource, Origin, ResourceType},
};

/// Decodes into the typed form and encodes again.
pub type RoundTrip = fn(Value) -> Result<Value, serde_json::Error>;

/// Kind-specific behaviour, as the strategies of a real API server.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Fills absent fields, on every write.
    pub default: fn(&mut Value),
    /// Shapes a new object, for example by clearing its status; metadata is complete by then.
    pub prepare_create: fn(&mut Value),
    /// Shapes an update of the main resource, given the stored object.
    pub prepare_update: fn(&mut Value, &Value),
    /// Checks an object about to be stored.
    pub validate: fn(&Value) -> Vec<Cause>,
    /// Checks a change from the stored object (second) to the new one (first) on the main path.
    pub validate_update: fn(&Value, &Value) -> Vec<Cause>,
}

impl Rules {
    /// No behaviour beyond the generic one.
    pub const PLAIN: Self = Self {
        default: |_| (),
        prepare_create: |_| (),
        prepare_update: |_, _| (),
        validate: |_| Vec::new(),
        validate_update: |_, _| Vec::new(),
    };
}

/// One compiled-in kind.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinKind {
    /// API group, empty for core.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural.
    pub plural: &'static str,
    /// Singular.
    pub singular: &'static str,
    /// Short names.
    pub short_names: &'static [&'static str],
    /// Categories.
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether `/status` exists.
    pub has_status: bool,
    /// Whether `metadata.generation` counts changes of `spec`.
    pub counts_generations: bool,
    /// Whether PUT without resourceVersion is allowed.
    pub unconditional_update: bool,
    /// Typed round trip.
    pub round_trip: RoundTrip,
    /// Behaviour.
    pub rules: Rules,
}

/// The round trip through the typed form `T`.
pub fn typed<T: Serialize + DeserializeOwned>(value: Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}

/// Every compiled-in resource type.
pub fn resource_types() -> Vec<Arc<ResourceType>> {
    KINDS.iter().map(|kind| Arc::new(resource_type(kind))).collect()
}

fn resource_type(kind: &'static BuiltinKind) -> ResourceType {
    let owned = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
    let stored_group = if kind.plural == "events" { "" } else { kind.group };
    ResourceType {
        group: kind.group.to_owned(),
        versions: vec![kind.version.to_owned()],
        plural: kind.plural.to_owned(),
        singular: kind.singular.to_owned(),
        kind: kind.kind.to_owned(),
        list_kind: format!("{}List", kind.kind),
        short_names: owned(kind.short_names),
        categories: owned(kind.categories),
        namespaced: kind.namespaced,
        has_status: kind.has_status,
        storage: GroupResource::new(stored_group, kind.plural),
        origin: Origin::Builtin(kind),
    }
}

/// Paths of `original` that `kept` lacks, in Go's notation (`spec.template.foo`, `spec.containers[0].bar`).
///
/// Nulls and empty values are no fields: a typed decoder reads them as absent.
pub fn unknown_fields(original: &Value, kept: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_unknown(original, kept, String::new(), &mut found);
    found
}

fn collect_unknown(original: &Value, kept: &Value, path: String, found: &mut Vec<String>) {
    match (original, kept) {
        (Value::Object(original), Value::Object(kept)) => {
            for (key, value) in original {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match kept.get(key) {
                    Some(kept) => collect_unknown(value, kept, path, found),
                    None if is_empty(value) => {}
                    None => found.push(path),
                }
            }
        }
        (Value::Array(original), Value::Array(kept)) => {
            for (i, (original, kept)) in original.iter().zip(kept).enumerate() {
                collect_unknown(original, kept, format!("{path}[{i}]"), found);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_are_named_by_path() {
        let pod = json!({ "spec": { "containers": [{ "name": "a", "colour": "red" }], "shape": 1, "nothing": null } });
        let kept = typed::<k8s_openapi::api::core::v1::Pod>(pod.clone()).unwrap();
        assert_eq!(unknown_fields(&pod, &kept), ["spec.containers[0].colour", "spec.shape"]);
    }
}
