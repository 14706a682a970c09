//! Objects as controllers keep them: thousands, each for as long as it exists.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::error_boundary::InvalidObject;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An object, or why it cannot be read: one must not stop the watch for the others.
///
/// Who owns which field is left out. Nothing here asks for it, and it takes several times the memory of all the rest.
#[derive(Clone, Debug)]
pub(crate) struct Lean<K>(pub(crate) Result<K, InvalidObject>);

impl<'de, K: DeserializeOwned> Deserialize<'de> for Lean<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let invalid = |error: serde_json::Error| {
            let metadata = ObjectMeta::deserialize(&value["metadata"]).map_err(D::Error::custom)?;
            Ok(Err(InvalidObject { error: error.to_string(), metadata }))
        };
        K::deserialize(&value).map(Ok).or_else(invalid).map(Self)
    }
}

impl<K: Resource> Resource for Lean<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &K::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &K::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.as_ref().map_or_else(|invalid| &invalid.metadata, K::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.as_mut().map_or_else(|invalid| &mut invalid.metadata, K::meta_mut)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;

    #[test]
    fn who_owns_which_field_is_left_out_and_what_cannot_be_read_has_a_name() {
        let map = |data: Value| -> Lean<ConfigMap> {
            let fields = json!([{ "manager": "m", "operation": "Update", "fieldsV1": { "f:data": {} } }]);
            let metadata = json!({ "name": "m", "namespace": "ns", "managedFields": fields });
            serde_json::from_value(json!({ "metadata": metadata, "data": data })).unwrap()
        };
        let read = map(json!({ "a": "b" }));
        assert_eq!((read.name_any().as_str(), read.meta().managed_fields.as_ref()), ("m", None));
        assert_eq!(read.0.unwrap().data.unwrap()["a"], "b");
        let unreadable = map(json!(7));
        assert_eq!((unreadable.name_any().as_str(), unreadable.namespace().as_deref()), ("m", Some("ns")));
        assert!(unreadable.0.unwrap_err().error.contains("invalid type"));
        assert!(serde_json::from_value::<Lean<ConfigMap>>(json!({ "metadata": 7 })).is_err());
    }
}
