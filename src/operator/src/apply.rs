//! The only writer to the Kubernetes API.

use std::fmt::Debug;

use genesis_api::names::{APPLIED_ANNOTATION, FIELD_MANAGER};
use genesis_core::Digest;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{ActError, StatusError, acting};

/// What the writer can write.
pub trait Object:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned
{
}

impl<K> Object for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned
{
}

/// Writes as one field manager.
pub struct Writer<'a>(pub &'a Client);

impl Writer<'_> {
    fn api<K: Object>(&self, namespace: Option<&str>) -> Api<K> {
        Api::namespaced(self.0.clone(), namespace.unwrap_or("default"))
    }

    /// Makes an object as it should be, whoever changed it before.
    pub async fn apply<K: Object>(&self, what: &'static str, object: &K) -> Result<(), ActError> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let api = self.api::<K>(object.namespace().as_deref());
        api.patch(&object.name_any(), &params, &Patch::Apply(object)).await.map(drop).map_err(acting(what))
    }

    /// Creates an object that never changes after. That it is there already is no error, if the same owner made it:
    /// its name says what it is for. One of the same name that belongs to another is left alone.
    pub async fn create<K: Object>(&self, what: &'static str, object: &K) -> Result<(), ActError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let api = self.api::<K>(object.namespace().as_deref());
        match api.create(&params, object).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            other => return other.map(drop).map_err(acting(what)),
        }
        let found = api.get(&object.name_any()).await.map_err(acting(what))?;
        if is_owned_by(&found, controller(object)) {
            return Ok(());
        }
        Err(ActError::NameTaken { what, kind: K::kind(&()).into_owned(), name: object.name_any() })
    }

    /// Creates an object whose name nobody else's can have. It is not read back: who only creates Secrets needs no right
    /// to read those of others.
    pub async fn create_unread<K: Object>(&self, what: &'static str, object: &K) -> Result<(), ActError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        match self.api::<K>(object.namespace().as_deref()).create(&params, object).await {
            // Another conflict, of a quota for example, has created nothing.
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
            other => other.map(drop).map_err(acting(what)),
        }
    }

    /// Changes some fields of an object. False if it is gone, which is no error.
    pub async fn merge<K: Object>(
        &self,
        what: &'static str,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<bool, ActError> {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        match self.api::<K>(Some(namespace)).patch(name, &params, &Patch::Merge(patch)).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            other => other.map(|_| true).map_err(acting(what)),
        }
    }

    /// Deletes an object with what it owns. That it is gone is no error.
    pub async fn delete<K: Object>(&self, what: &'static str, namespace: &str, name: &str) -> Result<(), ActError> {
        match self.api::<K>(Some(namespace)).delete(name, &DeleteParams::background()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(drop).map_err(acting(what)),
        }
    }

    /// Compare and swap: the status is replaced only if the object is still the one that was read.
    pub async fn replace_status<K: Object>(&self, object: &K) -> Result<(), StatusError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let api = self.api::<K>(object.namespace().as_deref());
        api.replace_status(&object.name_any(), &params, object).await.map(drop).map_err(StatusError::from)
    }
}

/// The reference by which garbage collection finds what `owner` made.
pub fn owned_by<K: Object>(owner: &K) -> Vec<OwnerReference> {
    owner.controller_owner_ref(&()).into_iter().collect()
}

/// Whether `owner` made `object`. A new object of the same name has another uid, and has made nothing yet.
pub fn is_owned_by(object: &impl ResourceExt, owner_uid: Option<&str>) -> bool {
    owner_uid.is_some() && controller(object) == owner_uid
}

/// Uid of the object that made this one.
fn controller(object: &impl ResourceExt) -> Option<&str> {
    let owners = object.owner_references().iter();
    owners.filter(|reference| reference.controller == Some(true)).map(|reference| reference.uid.as_str()).next()
}

/// Notes on `object` what it is as a whole. A field that is no longer asked for is in no comparison of fields, but it
/// changes this note.
pub fn stamped<K: Object>(mut object: K) -> K {
    let whole = serde_json::to_vec(&object).unwrap_or_default();
    object.annotations_mut().insert(APPLIED_ANNOTATION.into(), Digest::of_bytes(&whole).to_string());
    object
}

/// Whether every field of `desired` is in `found` with the same value: then there is nothing to apply.
///
/// Lists must have the same length. A server may add fields, and write quantities in another way; the worst that
/// comes of that is an apply that changes nothing.
pub fn is_within(desired: &Value, found: &Value) -> bool {
    match (desired, found) {
        (Value::Object(desired), Value::Object(found)) => {
            desired.iter().all(|(name, value)| found.get(name).is_some_and(|found| is_within(value, found)))
        }
        (Value::Array(desired), Value::Array(found)) => {
            desired.len() == found.len() && desired.iter().zip(found).all(|(desired, found)| is_within(desired, found))
        }
        (desired, found) => desired == found,
    }
}

#[cfg(test)]
mod tests {
    use genesis_minicluster::cluster::Cluster;
    use genesis_minicluster::faults::{Fault, FaultPlan, Faults, Nth, Pattern};
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_another_owner_made_is_not_taken_for_ours() {
        let client = Cluster::in_memory().unwrap().client();
        let writer = Writer(&client);
        let owned = |uid: &str| -> ConfigMap {
            let owner = json!({ "apiVersion": "v1", "kind": "K", "name": "n", "uid": uid, "controller": true });
            let metadata = json!({ "name": "m", "namespace": "default", "ownerReferences": [owner] });
            serde_json::from_value(json!({ "metadata": metadata })).unwrap()
        };
        writer.create("creating", &owned("first")).await.unwrap();
        writer.create("creating", &owned("first")).await.unwrap();
        let taken = writer.create("creating", &owned("second")).await.unwrap_err().to_string();
        assert!(taken.contains("ConfigMap m belongs to another object"), "{taken}");
        let patch = json!({ "data": { "a": "b" } });
        assert!(writer.merge::<ConfigMap>("changing", "default", "m", &patch).await.unwrap());
        assert!(!writer.merge::<ConfigMap>("changing", "default", "gone", &patch).await.unwrap());
    }

    /// A quota that was changed at the same time answers a creation with 409 too: then nothing was made.
    #[tokio::test]
    async fn only_an_object_that_is_there_counts_as_made() {
        let cluster = Cluster::in_memory().unwrap();
        let conflict = FaultPlan::none().request(Pattern::writes(), Nth::Exactly(1), Fault::Answer(409));
        let client = Faults::new(conflict).client(cluster.service());
        let writer = Writer(&client);
        let map: ConfigMap =
            serde_json::from_value(json!({ "metadata": { "name": "m", "namespace": "default" } })).unwrap();
        assert!(writer.create_unread("creating", &map).await.is_err());
        writer.create_unread("creating", &map).await.unwrap();
        writer.create_unread("creating", &map).await.unwrap();
        assert!(Api::<ConfigMap>::namespaced(cluster.client(), "default").get_opt("m").await.unwrap().is_some());
    }

    #[test]
    fn what_a_server_adds_is_no_difference_and_what_a_person_changed_is() {
        let desired = json!({ "spec": { "replicas": 1, "containers": [{ "name": "a" }] } });
        let served = json!({ "spec": { "replicas": 1, "extra": 1, "containers": [{ "name": "a", "policy": "x" }] }, "status": {} });
        assert!(is_within(&desired, &served));
        for changed in [
            json!({ "spec": { "replicas": 2, "containers": [{ "name": "a" }] } }),
            json!({ "spec": { "replicas": 1, "containers": [] } }),
            json!({ "spec": { "containers": [{ "name": "a" }] } }),
        ] {
            assert!(!is_within(&desired, &changed), "{changed}");
        }
    }
}
