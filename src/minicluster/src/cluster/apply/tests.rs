use serde_json::{Value, json};

use super::*;

fn manager(name: &str, operation: Operation) -> Manager {
    Manager { name: name.into(), operation, api_version: "v1".into(), subresource: String::new() }
}

fn managers() -> Managers {
    Managers::from_json(&Value::Null, "2024-01-01T00:00:00Z".into())
}

fn applied(live: &Value, managers: Managers, name: &str, config: &Value, force: bool) -> Result<Applied, ApiError> {
    apply(live, managers, &manager(name, Operation::Apply), config, &Shape::builtin(), force)
}

#[test]
fn fields_left_out_are_removed_unless_someone_else_owns_them() {
    let first = json!({ "metadata": { "labels": { "a": "1", "b": "1" } }, "spec": { "replicas": 1 } });
    let one = applied(&json!({}), managers(), "one", &first, false).unwrap();
    let shared = json!({ "metadata": { "labels": { "b": "1" } } });
    let two = applied(&one.object, one.managers, "two", &shared, false).unwrap();
    let less = json!({ "spec": { "replicas": 1 } });
    let three = applied(&two.object, two.managers, "one", &less, false).unwrap();
    assert_eq!(three.object, json!({ "metadata": { "labels": { "b": "1" } }, "spec": { "replicas": 1 } }));
}

#[test]
fn another_value_in_an_owned_field_conflicts_unless_forced() {
    let one = applied(&json!({}), managers(), "one", &json!({ "spec": { "replicas": 1 } }), false).unwrap();
    let other = json!({ "spec": { "replicas": 2 } });
    let error = applied(&one.object, one.managers.clone(), "two", &other, false).unwrap_err();
    assert_eq!(error.message, "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas");
    let forced = applied(&one.object, one.managers, "two", &other, true).unwrap();
    assert_eq!(forced.object, other);
    let owners: Vec<_> = forced.managers.to_json().as_array().unwrap().iter().map(|e| e["manager"].clone()).collect();
    assert_eq!(owners, [json!("two")]);
}

#[test]
fn list_items_are_owned_by_key() {
    let base = json!({ "spec": { "containers": [{ "name": "a", "image": "1" }] } });
    let one = applied(&json!({}), managers(), "one", &base, false).unwrap();
    let side = json!({ "spec": { "containers": [{ "name": "side", "image": "2" }] } });
    let two = applied(&one.object, one.managers, "two", &side, false).unwrap();
    assert_eq!(two.object["spec"]["containers"].as_array().unwrap().len(), 2);
    let gone = applied(&two.object, two.managers, "two", &json!({ "spec": {} }), false).unwrap();
    assert_eq!(gone.object, base);
}

#[test]
fn an_update_takes_over_the_fields_it_changes() {
    let one = applied(&json!({}), managers(), "one", &json!({ "spec": { "a": 1, "b": 1 } }), false).unwrap();
    let new = json!({ "spec": { "a": 2, "b": 1 } });
    let editor = manager("editor", Operation::Update);
    let tracked = track_update(Some(&one.object), &new, one.managers, &editor, &Shape::builtin());
    let error = applied(&new, tracked, "one", &json!({ "spec": { "a": 1, "b": 1 } }), false).unwrap_err();
    assert!(error.message.contains("conflict with \"editor\" using v1 at"), "{}", error.message);
    assert!(error.message.ends_with(".spec.a"), "{}", error.message);
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let config =
        json!({ "spec": { "containers": [{ "name": "a", "ports": [{ "containerPort": 80 }] }], "tags": ["x"] } });
    let one = applied(&json!({}), managers(), "one", &config, false).unwrap();
    let later = Managers::from_json(&one.managers.to_json(), "2025-01-01T00:00:00Z".into());
    let two = applied(&one.object, later, "one", &config, false).unwrap();
    assert_eq!(two.object, one.object);
    assert_eq!(two.managers.to_json(), one.managers.to_json());
}
