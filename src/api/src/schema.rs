//! Pieces of OpenAPI schema that a derive cannot write.

use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// Longest address that is accepted, characters.
const URI_LENGTH: u32 = 1024;

/// For a field that cannot change once the object exists.
pub(crate) fn immutable() -> Rule {
    Rule::new("self == oldSelf").message("cannot be changed: create another object")
}

/// `sha256:` and 64 lower-case hexadecimal digits.
pub(crate) fn digest(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 71, "pattern": "^sha256:[0-9a-f]{64}$" })
}

/// The same, where the field may be absent.
pub(crate) fn optional_digest(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 71, "pattern": "^sha256:[0-9a-f]{64}$", "nullable": true })
}

/// An address of an artifact.
pub(crate) fn artifact_uri(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": URI_LENGTH, "pattern": "^file:///.+" })
}

/// An address of a dataset that may be left out.
pub(crate) fn optional_artifact_uri(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": URI_LENGTH, "pattern": "^file:///.+", "nullable": true })
}

/// An address of a suite: a file, or an alias in the artifact store.
pub(crate) fn suite_uri(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": URI_LENGTH, "pattern": "^(file:///|store://suites/).+" })
}

/// An address of a base model: one that is shipped, or a directory in Hugging Face layout.
pub(crate) fn base_model_uri(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": URI_LENGTH, "pattern": "^(builtin://[a-z0-9-]+|file:///.+)$" })
}

/// Amounts of resources by name. One that is none would make every pod of the workload be refused, long after.
pub(crate) fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "type": "string",
            "maxLength": 32,
            "pattern": r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
        }
    })
}

/// A moment, RFC 3339.
pub(crate) fn optional_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}

/// How the rows of a dataset are chosen.
pub(crate) fn recipe(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Verified", "Unfiltered", "Shuffled"] })
}

/// How an evaluation ended.
pub(crate) fn optional_verdict(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Pass", "Fail", "Inconclusive"], "nullable": true })
}

/// `metav1.Condition`, merged by type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": { "type": "string", "maxLength": 316 },
                "status": { "type": "string", "enum": ["True", "False", "Unknown"] },
                "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0 },
                "lastTransitionTime": { "type": "string", "format": "date-time" },
                "reason": { "type": "string", "maxLength": 1024, "minLength": 1 },
                "message": { "type": "string", "maxLength": 32768 }
            }
        }
    })
}
