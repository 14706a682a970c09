//! Checks of CustomResourceDefinition objects: names, versions, structural schemas and their CEL rules.

use kube::core::cel::compile_schema;
use serde_json::{Value, json};

use super::versions;
use crate::cluster::{error::Cause, meta, names};

/// Checks a definition about to be stored.
pub fn validate_definition(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let mut causes = Vec::new();
    for (field, value) in [
        ("spec.group", &group),
        ("spec.names.plural", &plural),
        ("spec.names.kind", &text(&spec["names"]["kind"])),
        ("spec.scope", &text(&spec["scope"])),
    ] {
        if value.is_empty() {
            causes.push(Cause::required(field, ""));
        }
    }
    if meta::name(object) != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &json!(meta::name(object)), detail));
    }
    if !names::is_subdomain(&group) || group.split('.').count() < 2 {
        causes.push(Cause::invalid("spec.group", &json!(group), "should be a domain with at least one dot"));
    }
    let scopes = ["Cluster", "Namespaced"].map(str::to_owned);
    if !scopes.iter().any(|s| spec["scope"] == s.as_str()) {
        causes.push(Cause::not_supported("spec.scope", &spec["scope"], &scopes));
    }
    let listed: Vec<&Value> = versions(object).collect();
    if listed.iter().filter(|v| v["storage"] == true).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &json!([]), detail));
    }
    for (i, version) in listed.iter().enumerate() {
        let path = format!("spec.versions[{i}].schema.openAPIV3Schema");
        let schema = &version["schema"]["openAPIV3Schema"];
        if !schema.is_object() {
            causes.push(Cause::required(path, "schemas are required"));
            continue;
        }
        if schema["type"] != "object" {
            causes.push(Cause::invalid(format!("{path}.type"), &schema["type"], "must be object at the root"));
        }
        causes.extend(validate_structure(&path, schema, true));
    }
    causes
}

/// Checks that a schema is structural: every node outside logical junctors states a type, and lists say their keys.
fn validate_structure(path: &str, schema: &Value, needs_type: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let flag = |name: &str| schema[name] == json!(true);
    let open = flag("x-kubernetes-int-or-string") || flag("x-kubernetes-preserve-unknown-fields");
    if needs_type && !open && !schema["type"].is_string() {
        causes.push(Cause::required(format!("{path}.type"), "must not be empty for specified object fields"));
    }
    for forbidden in ["$ref", "definitions", "dependencies", "deprecated", "id", "patternProperties"] {
        if schema.get(forbidden).is_some_and(|v| !v.is_null()) {
            causes.push(Cause::forbidden(format!("{path}.{forbidden}"), &format!("{forbidden} is not supported")));
        }
    }
    if let Some(rules) = schema.get("x-kubernetes-validations") {
        let compiled = compile_schema(&json!({ "x-kubernetes-validations": rules }));
        for error in compiled.compilation_errors() {
            let field = format!("{path}.x-kubernetes-validations");
            causes.push(Cause::invalid(field, &json!(error.to_string()), "compilation failed"));
        }
    }
    if schema["type"] == "array" && !schema["items"].is_object() {
        causes.push(Cause::required(format!("{path}.items"), "must be specified"));
    }
    let keys = meta::strings(&schema["x-kubernetes-list-map-keys"]);
    if schema["x-kubernetes-list-type"] == "map" && keys.is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        causes.push(Cause::required(format!("{path}.x-kubernetes-list-map-keys"), detail));
    }
    for key in keys {
        let item = &schema["items"];
        let required = meta::strings(&item["required"]).contains(&key);
        if !required && item["properties"][key]["default"].is_null() {
            let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required \
                          property";
            causes.push(Cause::required(format!("{path}.items.properties[{key}].default"), detail));
        }
    }
    if schema["properties"].is_object() && schema["additionalProperties"].is_object() {
        let detail = "additionalProperties and properties are mutual exclusive";
        causes.push(Cause::forbidden(format!("{path}.additionalProperties"), detail));
    }
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        let is_metadata = name == "metadata" && path.ends_with("openAPIV3Schema");
        causes.extend(validate_structure(&format!("{path}.properties[{name}]"), child, !is_metadata));
    }
    for child in ["items", "additionalProperties"] {
        if schema[child].is_object() {
            causes.extend(validate_structure(&format!("{path}.{child}"), &schema[child], true));
        }
    }
    for junctor in ["allOf", "anyOf", "oneOf"] {
        for (i, branch) in schema[junctor].as_array().into_iter().flatten().enumerate() {
            if branch.get("default").is_some() {
                let detail = "must be undefined inside logical junctors";
                causes.push(Cause::forbidden(format!("{path}.{junctor}[{i}].default"), detail));
            }
        }
    }
    causes
}

/// Group, scope and names of a definition stay.
pub fn validate_definition_update(object: &Value, old: &Value) -> Vec<Cause> {
    ["/spec/group", "/spec/scope", "/spec/names/plural", "/spec/names/kind"]
        .iter()
        .filter(|path| object.pointer(path) != old.pointer(path))
        .map(|path| {
            let field = path.trim_start_matches('/').replace('/', ".");
            Cause::invalid(field, object.pointer(path).unwrap_or(&Value::Null), "field is immutable")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(schema: &Value) -> Value {
        json!({
            "metadata": { "name": "toys.example.com" },
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": { "plural": "toys", "kind": "Toy", "singular": "toy", "listKind": "ToyList" },
                "versions": [{ "name": "v1", "served": true, "storage": true,
                               "schema": { "openAPIV3Schema": schema } }],
            },
        })
    }

    #[test]
    fn schemas_must_be_structural() {
        let good = json!({ "type": "object", "properties": { "spec": { "type": "object" } } });
        assert_eq!(validate_definition(&definition(&good)), []);
        for (bad, field) in [
            (json!({ "type": "object", "properties": { "spec": {} } }), "properties[spec].type"),
            (json!({ "type": "object", "properties": { "l": { "type": "array" } } }), "properties[l].items"),
            (json!({ "type": "string" }), "openAPIV3Schema.type"),
            (
                json!({ "type": "object", "x-kubernetes-validations": [{ "rule": "self.(" }] }),
                "x-kubernetes-validations",
            ),
        ] {
            let causes = validate_definition(&definition(&bad));
            assert!(causes.iter().any(|c| c.field.ends_with(field)), "{bad} gave {causes:?}");
        }
    }
}
