//! What can be done wrong, or to the limit, with each field of a spec: read from its schema.

use genesis_api::structure::problems;
use serde_json::{Value, json};

use super::values::values;

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
