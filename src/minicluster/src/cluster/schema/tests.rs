use serde_json::{Value, json};

use super::*;
use crate::cluster::crd;

fn version(schema: &Value) -> std::sync::Arc<crate::cluster::resource::ResourceType> {
    crd::resource_type(&json!({
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "toys", "kind": "Toy", "singular": "toy", "listKind": "ToyList" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    }))
}

fn spec_schema(spec: &Value) -> Value {
    json!({ "type": "object", "properties": { "spec": spec } })
}

fn errors(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<String> {
    let resource = version(schema);
    let version = resource.custom().unwrap().version("v1").unwrap();
    validate(version, object, old).iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

#[test]
fn messages_equal_those_of_a_real_server() {
    let schema = spec_schema(&json!({
        "type": "object", "required": ["size"],
        "properties": {
            "size": { "type": "integer", "minimum": 1, "maximum": 9 },
            "mode": { "type": "string", "enum": ["On", "Off"] },
            "name": { "type": "string", "pattern": "^[a-z]+$", "maxLength": 5 },
            "tags": { "type": "array", "items": { "type": "string" }, "maxItems": 2,
                      "x-kubernetes-list-type": "set" },
        },
    }));
    let nil = "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; \
               correct the existing errors to complete validation";
    for (spec, expected) in [
        (json!({ "size": 3 }), vec![]),
        (json!({}), vec!["spec.size: Required value", nil]),
        (
            json!({ "size": "x" }),
            vec!["spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"", nil],
        ),
        (
            json!({ "size": 0 }),
            vec!["spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"],
        ),
        (
            json!({ "size": 1, "mode": "Dim" }),
            vec!["spec.mode: Unsupported value: \"Dim\": supported values: \"On\", \"Off\""],
        ),
        (
            json!({ "size": 1, "name": "A" }),
            vec!["spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'"],
        ),
        (json!({ "size": 1, "name": "abcdef" }), vec!["spec.name: Too long: may not be more than 5 bytes", nil]),
        (
            json!({ "size": 1, "tags": ["a", "b", "a"] }),
            vec!["spec.tags: Too many: 3: must have at most 2 items", "spec.tags[2]: Duplicate value: \"a\"", nil],
        ),
    ] {
        assert_eq!(errors(&schema, &json!({ "spec": spec }), None), expected, "{spec}");
    }
}

#[test]
fn rules_may_compare_with_the_old_object() {
    let schema = spec_schema(&json!({
        "type": "object",
        "x-kubernetes-validations": [
            { "rule": "self.size == oldSelf.size", "message": "size is immutable" },
            { "rule": "!has(self.least) || self.least <= self.size", "message": "least may not exceed size" },
        ],
        "properties": { "size": { "type": "integer" }, "least": { "type": "integer" } },
    }));
    let object = |spec: Value| json!({ "spec": spec });
    let (small, large) = (object(json!({ "size": 1 })), object(json!({ "size": 2 })));
    assert_eq!(errors(&schema, &large, None), Vec::<String>::new());
    assert_eq!(errors(&schema, &large, Some(&small)), ["spec: Invalid value: \"object\": size is immutable"]);
    let wrong = object(json!({ "size": 1, "least": 2 }));
    assert_eq!(errors(&schema, &wrong, None), ["spec: Invalid value: \"object\": least may not exceed size"]);
}

#[test]
fn what_was_wrong_before_and_did_not_change_is_let_through() {
    let schema = spec_schema(&json!({
        "type": "object",
        "properties": { "size": { "type": "integer", "maximum": 5 }, "note": { "type": "string" } },
    }));
    let old = json!({ "spec": { "size": 9 } });
    let new = json!({ "spec": { "size": 9, "note": "x" } });
    assert_eq!(errors(&schema, &new, Some(&old)), Vec::<String>::new());
    assert_eq!(errors(&schema, &json!({ "spec": { "size": 8 } }), Some(&old)).len(), 1);
}

#[test]
fn defaults_fill_absent_fields_and_nulls() {
    let schema = spec_schema(&json!({
        "type": "object",
        "properties": {
            "size": { "type": "integer", "default": 3 },
            "deep": { "type": "object", "default": {}, "properties": { "on": { "type": "boolean", "default": true } } },
            "note": { "type": "string" },
        },
    }));
    let mut object = json!({ "spec": { "size": null, "note": null } });
    default_fields(&schema, &mut object);
    assert_eq!(object, json!({ "spec": { "size": 3, "deep": { "on": true } } }));
}

#[test]
fn pruning_keeps_only_what_the_schema_knows() {
    let schema = spec_schema(&json!({
        "type": "object",
        "properties": {
            "open": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
            "map": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    }));
    let mut object = json!({
        "apiVersion": "example.com/v1", "metadata": { "name": "a" },
        "spec": { "open": { "x": 1 }, "map": { "k": "v" }, "other": 1 }, "extra": {},
    });
    let mut dropped = prune(&schema, &mut object);
    dropped.sort();
    assert_eq!(dropped, ["extra", "spec.other"]);
    assert_eq!(object["spec"], json!({ "open": { "x": 1 }, "map": { "k": "v" } }));
}
