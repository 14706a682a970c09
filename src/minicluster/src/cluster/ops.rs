//! The verbs on objects. Pure over the state: time and randomness come with the [`Call`].

pub mod admission;
pub mod create;
pub mod delete;
pub mod patch;
pub mod read;
pub mod subresources;
pub mod update;

use std::sync::Arc;

use jiff::Timestamp;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{
    apply::{Manager, Operation},
    builtin::events,
    error::ApiError,
    meta,
    request::{Query, Target},
    resource::{ObjectKey, ResourceType},
    shape::Shape,
    state::State,
};

/// One request on objects.
#[derive(Debug)]
pub struct Call<'a> {
    /// What kind of object.
    pub resource: Arc<ResourceType>,
    /// Version in the path.
    pub version: &'a str,
    /// Path.
    pub target: &'a Target,
    /// Options.
    pub query: &'a Query,
    /// Writer's name where the query gives none: the first part of the User-Agent.
    pub agent: &'a str,
    /// Now.
    pub now: Timestamp,
    /// Seed of uids and generated names.
    pub seed: [u8; 32],
}

impl Call<'_> {
    /// Namespace in the path, empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    /// Name in the path.
    pub fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    /// Subresource in the path.
    pub fn subresource(&self) -> &str {
        self.target.subresource.as_deref().unwrap_or_default()
    }

    /// Storage key of the object in the path.
    pub fn key(&self) -> ObjectKey {
        self.resource.key(self.namespace(), self.name())
    }

    /// The object in the path, or 404.
    pub fn existing(&self, state: &State) -> Result<Arc<Value>, ApiError> {
        let not_found = || ApiError::not_found(&self.resource.group_resource(), self.name());
        state.get(&self.key()).cloned().ok_or_else(not_found)
    }

    /// `apiVersion` in which objects are presented.
    pub fn api_version(&self) -> String {
        self.resource.api_version(self.version)
    }

    /// Who writes, for managedFields.
    pub fn manager(&self, operation: Operation) -> Manager {
        Manager {
            name: self.query.field_manager.clone().unwrap_or_else(|| self.agent.to_owned()),
            operation,
            api_version: self.api_version(),
            subresource: self.subresource().to_owned(),
        }
    }

    /// Randomness of this call.
    pub fn random(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.seed)
    }

    /// Merge behaviour of the object's root.
    pub fn shape(&self) -> Shape<'_> {
        match self.resource.custom().and_then(|c| c.version(self.version)) {
            Some(version) => Shape::CustomRoot(&version.schema),
            None => Shape::builtin(),
        }
    }

    /// Whether the main path ignores status.
    pub fn has_status(&self) -> bool {
        match self.resource.custom() {
            Some(custom) => custom.version(self.version).is_some_and(|v| v.has_status),
            None => self.resource.has_status,
        }
    }

    /// A stored object as this version of the API shows it.
    pub fn present(&self, stored: &Value) -> Value {
        present(&self.resource, self.version, stored)
    }
}

/// A stored object of `resource` as `version` shows it.
pub fn present(resource: &ResourceType, version: &str, stored: &Value) -> Value {
    if resource.group == "events.k8s.io" {
        return events::from_core(stored.clone());
    }
    let mut object = stored.clone();
    object["apiVersion"] = json!(resource.api_version(version));
    object["kind"] = json!(resource.kind);
    object
}

/// What a write answers.
#[derive(Debug)]
pub struct Written {
    /// The object as stored.
    pub object: Arc<Value>,
    /// Whether it was created.
    pub created: bool,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
}

/// Whether a namespace is there and takes new objects.
pub fn check_namespace(state: &State, call: &Call<'_>, name: &str) -> Result<(), ApiError> {
    if !call.resource.namespaced {
        return Ok(());
    }
    let namespaces = super::resource::GroupResource::new("", "namespaces");
    let key = ObjectKey { resource: namespaces.clone(), namespace: String::new(), name: call.namespace().to_owned() };
    match state.get(&key) {
        None => Err(ApiError::not_found(&namespaces, call.namespace())),
        Some(namespace) if meta::is_deleting(namespace) => {
            Err(ApiError::namespace_terminating(&call.resource.group_resource(), name, call.namespace()))
        }
        Some(_) => Ok(()),
    }
}
