//! What more than one kind is made of.

use genesis_core::wire::ArtifactRef;
use genesis_core::{AdapterRef, Digest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::schema;

/// A number with a fraction, written as a string: floats are compared and rounded differently by every reader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(String);

impl Decimal {
    /// From text. The schema has checked it where it came through the API.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Rounded to `digits` after the point; nothing for a number that is not finite.
    pub fn rounded(value: f64, digits: usize) -> Option<Self> {
        value.is_finite().then(|| Self(format!("{value:.digits$}")))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number; nothing for text that is none.
    pub fn value(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

impl JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 32, "pattern": "^-?[0-9]+([.][0-9]+)?(e-?[0-9]+)?$" })
    }
}

/// Names the GenesisModel that an object belongs to, in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReference {
    /// Name of the GenesisModel.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// The frozen model under the adapters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaseModelSpec {
    /// `builtin://NAME`, or `file:///DIRECTORY` in Hugging Face layout.
    #[schemars(schema_with = "schema::base_model_uri")]
    pub uri: String,
    /// For people: which revision lies there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub revision: Option<String>,
}

/// Where datasets, suites, checkpoints, adapters and reports are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageSpec {
    /// `file:///DIRECTORY`, reachable under the same path by every part.
    #[schemars(schema_with = "schema::artifact_uri")]
    pub uri: String,
    /// PersistentVolumeClaim that pods mount at that directory; absent where it is there anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"))]
    pub claim_name: Option<String>,
}

/// Names one adapter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct AdapterReference {
    /// Directory in PEFT's format.
    #[schemars(schema_with = "schema::artifact_uri")]
    pub uri: String,
    /// Digest of the directory.
    #[schemars(schema_with = "schema::digest")]
    pub digest: Digest,
}

impl From<AdapterReference> for AdapterRef {
    fn from(AdapterReference { uri, digest }: AdapterReference) -> Self {
        Self { uri, digest }
    }
}

impl From<AdapterRef> for AdapterReference {
    fn from(AdapterRef { uri, digest }: AdapterRef) -> Self {
        Self { uri, digest }
    }
}

impl AdapterReference {
    /// The name under which inference servers have it: see [`AdapterRef::served_name`].
    pub fn served_name(&self, served_model: &str) -> String {
        AdapterRef::from(self.clone()).served_name(served_model)
    }
}

/// Names one artifact that is not an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactReference {
    /// Where it is.
    #[schemars(schema_with = "schema::artifact_uri")]
    pub uri: String,
    /// Digest of its content.
    #[schemars(schema_with = "schema::digest")]
    pub digest: Digest,
}

impl From<ArtifactRef> for ArtifactReference {
    fn from(ArtifactRef { uri, digest }: ArtifactRef) -> Self {
        Self { uri, digest }
    }
}
