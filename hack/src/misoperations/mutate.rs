//! What can be done wrong, or to the limit, with each field of a spec: read from its schema.

use genesis_api::structure::problems;
use serde_json::{Value, json};

/// One change of one field.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// Where: `spec.serving.replicas`, `spec.steps[0].weight`.
    pub path: String,
    /// What: `unset`, `least`, `more than the most`.
    pub what: &'static str,
    /// The whole spec with the change.
    pub spec: Value,
    /// What a reading of the schema finds wrong with it, as paths.
    pub problems: Vec<String>,
}

/// A step into a value.
#[derive(Clone, Debug)]
enum Step {
    Field(String),
    Item(usize),
}

/// Every change of every field of `spec`, in which all fields should be set. `schema` is the `openAPIV3Schema` of the
/// whole object.
pub fn all(schema: &Value, spec: &Value) -> Vec<Mutation> {
    let mut found = Vec::new();
    walk(&schema["properties"]["spec"], Some(spec), &mut Vec::new(), &mut |path, what, value| {
        let mut changed = spec.clone();
        set(&mut changed, path, value);
        let wrong = problems(schema, &json!({ "spec": changed }));
        found.push(Mutation {
            path: words(path),
            what,
            spec: changed,
            problems: wrong.into_iter().map(|(path, _)| path).collect(),
        });
    });
    found
}

fn walk(
    schema: &Value,
    value: Option<&Value>,
    path: &mut Vec<Step>,
    found: &mut impl FnMut(&[Step], &'static str, Option<Value>),
) {
    if !path.is_empty() {
        if value.is_some() {
            found(path, "unset", None);
        }
        for (what, changed) in values(schema, value) {
            if Some(&changed) != value {
                found(path, what, Some(changed));
            }
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        path.push(Step::Field(name.clone()));
        walk(field, value.and_then(|value| value.get(name)), path, found);
        path.pop();
    }
    if let Some(first) = value.and_then(|value| value.get(0)) {
        path.push(Step::Item(0));
        walk(&schema["items"], Some(first), path, found);
        path.pop();
    }
    let of_map = schema.get("additionalProperties").filter(|any| any.is_object());
    let entry = value.and_then(Value::as_object).and_then(|entries| entries.iter().next());
    if let (Some(of_map), Some((name, entry))) = (of_map, entry) {
        path.push(Step::Field(name.clone()));
        walk(of_map, Some(entry), path, found);
        path.pop();
    }
}

/// Values at the boundaries of a schema, beyond them, and of another type.
fn values(schema: &Value, value: Option<&Value>) -> Vec<(&'static str, Value)> {
    match schema["type"].as_str() {
        Some("integer") => integers(schema),
        Some("string") => strings(schema, value.and_then(Value::as_str)),
        Some("boolean") => {
            vec![("the other one", json!(value != Some(&json!(true)))), ("of another type", json!("yes"))]
        }
        Some("array") => arrays(schema, value),
        Some("object") => {
            let empty = ("empty", json!({}));
            let most = schema["maxProperties"].as_u64();
            let many = most.map(|most| {
                let entries = (0..=most).map(|index| (format!("k{index}"), json!("1")));
                ("more than the most", Value::Object(entries.collect()))
            });
            [empty, ("of another type", json!("an object"))].into_iter().chain(many).collect()
        }
        _ => Vec::new(),
    }
}

fn integers(schema: &Value) -> Vec<(&'static str, Value)> {
    let narrow = schema["format"] == "int32";
    let (lowest, highest) = if narrow { (i32::MIN.into(), i32::MAX.into()) } else { (i64::MIN, i64::MAX) };
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound as i64);
    let mut values = vec![
        ("least", json!(bound("minimum").unwrap_or(lowest))),
        ("most", json!(bound("maximum").unwrap_or(highest))),
        ("of another type", json!("many")),
        ("a fraction", json!(1.5)),
    ];
    values.extend(bound("minimum").map(|least| ("less than the least", json!(least - 1))));
    values.extend(bound("maximum").map(|most| ("more than the most", json!(most + 1))));
    values
}

fn strings(schema: &Value, value: Option<&str>) -> Vec<(&'static str, Value)> {
    let mut values = vec![("of another type", json!(7))];
    for other in schema["enum"].as_array().into_iter().flatten() {
        values.push(("another choice", other.clone()));
    }
    if schema["enum"].is_array() {
        values.push(("no choice", json!("Nonsense")));
        return values;
    }
    values.push(("empty", json!("")));
    values.push(("of other characters", json!("\u{1F300} not this")));
    if let Some(most) = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()) {
        let long = |length: usize| {
            let start = value.unwrap_or("a");
            format!("{start}{}", "a".repeat(length.saturating_sub(start.chars().count())))
        };
        values.push(("longest", json!(long(most))));
        values.push(("longer than the longest", json!(long(most + 1))));
    }
    values
}

fn arrays(schema: &Value, value: Option<&Value>) -> Vec<(&'static str, Value)> {
    let mut values = vec![("empty", json!([])), ("of another type", json!("a list"))];
    let first = value.and_then(|value| value.get(0));
    if let (Some(first), Some(most)) = (first, schema["maxItems"].as_u64()) {
        let copies = |count: u64| Value::Array((0..count).map(|_| first.clone()).collect());
        values.push(("twice the same", copies(2)));
        values.push(("more than the most", copies(most + 1)));
    }
    values
}

fn set(value: &mut Value, path: &[Step], to: Option<Value>) {
    let Some((last, way)) = path.split_last() else { return };
    let mut at = value;
    for step in way {
        at = match step {
            Step::Field(name) => &mut at[name.as_str()],
            Step::Item(index) => &mut at[*index],
        };
    }
    match (last, to) {
        (Step::Field(name), Some(to)) => at[name.as_str()] = to,
        (Step::Item(index), Some(to)) => at[*index] = to,
        (Step::Field(name), None) => {
            at.as_object_mut().and_then(|fields| fields.remove(name));
        }
        (Step::Item(index), None) => {
            at.as_array_mut().map(|items| items.remove(*index));
        }
    }
}

fn words(path: &[Step]) -> String {
    let mut words = "spec".to_owned();
    for step in path {
        match step {
            Step::Field(name) => words.push_str(&format!(".{name}")),
            Step::Item(index) => words.push_str(&format!("[{index}]")),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt;

    use super::*;

    #[test]
    fn fields_are_changed_to_their_limits_and_beyond() {
        let crd = serde_json::to_value(genesis_api::Rollout::crd()).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let digest = format!("sha256:{}", "0".repeat(64));
        let spec = json!({
            "modelRef": { "name": "coder" },
            "candidate": { "uri": "file:///a", "digest": digest },
            "steps": [{ "weight": 100, "minRequests": 1, "minSeconds": 1 }],
        });
        let all = all(schema, &spec);
        let wrong = |path: &str, what: &str| -> Option<bool> {
            let found = all.iter().find(|mutation| mutation.path == path && mutation.what == what)?;
            Some(!found.problems.is_empty())
        };
        assert_eq!(wrong("spec.candidate", "unset"), Some(true));
        assert_eq!(wrong("spec.steps[0].weight", "least"), Some(false));
        assert_eq!(wrong("spec.steps[0].weight", "more than the most"), Some(true));
        assert_eq!(wrong("spec.paused", "the other one"), Some(false), "also what is not set");
        assert_eq!(wrong("spec.desiredOutcome", "no choice"), Some(true));
        assert_eq!(wrong("spec.candidate.digest", "of other characters"), Some(true));
        assert!(all.len() > 60, "{}", all.len());
    }
}
