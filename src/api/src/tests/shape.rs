//! What every definition must look like.

use kube::core::cel::{compile_schema, estimate_rule_cost};
use serde_json::Value;

use super::{definition, schema};
use crate::crds;

/// kubectl keeps the object in an annotation of at most 262,144 bytes when it applies on the client's side.
const LARGEST: usize = 256 * 1024;

fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), visit);
    }
    for key in ["items", "additionalProperties"] {
        if schema.get(key).is_some_and(Value::is_object) {
            walk(&schema[key], &format!("{path}[]"), visit);
        }
    }
}

#[test]
fn four_namespaced_kinds_with_status_category_and_short_name() {
    let seen: Vec<String> = crds()
        .iter()
        .map(|crd| {
            let names = &crd.spec.names;
            let version = &crd.spec.versions[0];
            assert_eq!(crd.spec.group, crate::names::GROUP);
            assert_eq!(version.name, crate::names::VERSION);
            assert_eq!(crd.spec.scope, "Namespaced");
            assert_eq!(names.categories.as_deref(), Some(&["genesis".to_owned()][..]));
            assert!(version.subresources.as_ref().is_some_and(|sub| sub.status.is_some()));
            let columns = version.additional_printer_columns.as_deref().unwrap_or_default();
            let narrow: Vec<_> = columns.iter().filter(|column| column.priority.unwrap_or(0) == 0).collect();
            assert!(narrow.len() <= 7 && narrow.last().is_some_and(|last| last.name == "Age"));
            format!("{}/{}", names.kind, names.short_names.clone().unwrap_or_default().join(","))
        })
        .collect();
    assert_eq!(seen, ["GenesisModel/gm", "TrainingRun/trun", "Evaluation/geval", "Rollout/gro"]);
}

#[test]
fn each_definition_is_small_enough_for_client_side_apply() {
    for crd in crds() {
        let size = serde_json::to_vec(&crd).unwrap().len();
        assert!(size < LARGEST, "{}: {size} bytes", crd.spec.names.kind);
    }
}

#[test]
fn no_floats_no_unsigned_formats_every_number_bounded_every_field_described() {
    for crd in crds() {
        let kind = &crd.spec.names.kind;
        walk(&schema(kind)["properties"]["spec"], &format!("{kind}.spec"), &mut |path, schema| {
            assert_ne!(schema["type"], "number", "{path}");
            assert!(!schema["format"].as_str().unwrap_or("").starts_with('u'), "{path}: {}", schema["format"]);
            if schema["type"] == "integer" {
                assert!(schema["minimum"].is_number(), "{path} has no lower bound");
            }
            let of_a_list_or_map = path.ends_with("[]");
            assert!(of_a_list_or_map || schema["description"].is_string(), "{path} has no description");
            for junction in ["anyOf", "oneOf", "allOf"] {
                assert!(schema.get(junction).is_none(), "{path} is not a plain structure: {junction}");
            }
        });
        walk(&schema(kind)["properties"]["status"], &format!("{kind}.status"), &mut |path, schema| {
            assert_ne!(schema["type"], "number", "{path}");
            assert!(!schema["format"].as_str().unwrap_or("").starts_with('u'), "{path}: {}", schema["format"]);
        });
    }
}

#[test]
fn rules_compile_and_are_cheap() {
    for crd in crds() {
        let kind = &crd.spec.names.kind;
        let mut rules = 0;
        walk(&schema(kind), kind, &mut |path, schema| {
            let compiled = compile_schema(schema);
            for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                let rule = rule["rule"].as_str().unwrap();
                assert!(!compiled.has_errors(), "{path}: {rule}: {:?}", compiled.compilation_errors());
                assert!(
                    estimate_rule_cost(rule, &compiled).is_empty(),
                    "{path}: {rule}: {:?}",
                    estimate_rule_cost(rule, &compiled)
                );
                rules += 1;
            }
        });
        assert!(rules > 3, "{kind} has {rules} rules");
    }
}

#[test]
fn conditions_are_a_map_by_type_and_generations_are_int64() {
    for crd in crds() {
        let status = schema(&crd.spec.names.kind)["properties"]["status"]["properties"].clone();
        assert_eq!(status["conditions"]["x-kubernetes-list-type"], "map");
        assert_eq!(status["observedGeneration"]["format"], "int64");
    }
    assert!(definition("Rollout").spec.names.plural == "rollouts");
}
