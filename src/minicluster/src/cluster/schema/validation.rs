//! The OpenAPI part of schema validation, with the messages of kube-openapi.

mod formats;
mod limits;

use serde_json::{Value, json};

use crate::cluster::{error::Cause, meta};

/// A broken rule and the JSON pointer of the value that breaks it.
#[derive(Debug)]
pub struct Violation {
    /// JSON pointer of the value, empty for the root.
    pub pointer: String,
    /// What is reported.
    pub cause: Cause,
}

/// Position in the object, in both notations.
#[derive(Clone, Debug, Default)]
struct At {
    path: String,
    pointer: String,
}

impl At {
    fn field(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { path, pointer: format!("{}/{escaped}", self.pointer) }
    }

    fn key(&self, name: &str) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { path: format!("{}.{name}", self.path), pointer: format!("{}/{escaped}", self.pointer) }
    }

    fn index(&self, i: usize) -> Self {
        Self { path: format!("{}[{i}]", self.path), pointer: format!("{}/{i}", self.pointer) }
    }

    fn broken(&self, cause: Cause) -> Violation {
        Violation { pointer: self.pointer.clone(), cause }
    }

    fn invalid(&self, value: &Value, rest: &str) -> Violation {
        self.broken(Cause::invalid(self.shown(), value, &format!("{} in body {rest}", self.shown())))
    }

    fn shown(&self) -> &str {
        if self.path.is_empty() { "<root>" } else { &self.path }
    }
}

/// Checks a whole custom object. Its metadata is checked elsewhere.
pub fn check_root(schema: &Value, object: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    check(schema, object, &At::default(), &mut found);
    found
}

fn check(schema: &Value, value: &Value, at: &At, found: &mut Vec<Violation>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(wanted) = wrong_type(schema, value) {
        let got = type_name(value);
        let detail = format!("{} in body must be of type {wanted}: {got:?}", at.shown());
        let cause = Cause::invalid(at.shown(), &json!(got), &detail);
        found.push(at.broken(Cause { reason: "FieldValueTypeInvalid", ..cause }));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<String> =
            allowed.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
        found.push(at.broken(Cause::not_supported(at.shown(), value, &allowed)));
    }
    match value {
        Value::String(text) => {
            limits::check_text(schema, text, at, found);
            formats::check_text(schema, text, at, found);
        }
        Value::Number(_) => limits::check_number(schema, value, at, found),
        Value::Array(items) => check_list(schema, value, items, at, found),
        Value::Object(map) => check_map(schema, value, map, at, found),
        Value::Bool(_) | Value::Null => {}
    }
    check_junctors(schema, value, at, found);
}

fn check_list(schema: &Value, value: &Value, items: &[Value], at: &At, found: &mut Vec<Violation>) {
    limits::check_count(schema, value, items.len(), ["minItems", "maxItems"], "items", at, found);
    let keys = meta::strings(&schema["x-kubernetes-list-map-keys"]);
    let identity = |item: &Value| -> Option<Value> {
        match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => Some(item.clone()),
            Some("map") => Some(keys.iter().map(|k| ((*k).to_owned(), item[*k].clone())).collect()),
            _ if schema["uniqueItems"] == true => Some(item.clone()),
            _ => None,
        }
    };
    for (i, item) in items.iter().enumerate() {
        let at = at.index(i);
        if schema["items"].is_object() {
            check(&schema["items"], item, &at, found);
        }
        let duplicate = identity(item).is_some_and(|id| items[..i].iter().any(|o| identity(o).as_ref() == Some(&id)));
        if duplicate {
            let message = format!("Duplicate value: {}", identity(item).unwrap_or_default());
            found.push(at.broken(Cause { reason: "FieldValueDuplicate", message, field: at.path.clone() }));
        }
    }
}

fn check_map(schema: &Value, value: &Value, map: &serde_json::Map<String, Value>, at: &At, found: &mut Vec<Violation>) {
    limits::check_count(schema, value, map.len(), ["minProperties", "maxProperties"], "properties", at, found);
    for required in meta::strings(&schema["required"]) {
        if !map.contains_key(required) {
            let missing = at.field(required);
            // The pointer stays on the parent: an absent value cannot be compared with the old one.
            let cause = Cause::required(missing.path.clone(), "");
            found.push(Violation { pointer: at.pointer.clone(), cause });
        }
    }
    for (key, child) in map {
        if at.path.is_empty() && key == "metadata" {
            continue;
        }
        if let Some(known) = schema["properties"].get(key) {
            check(known, child, &at.field(key), found);
        } else if schema["additionalProperties"].is_object() {
            check(&schema["additionalProperties"], child, &at.key(key), found);
        }
    }
}

fn check_junctors(schema: &Value, value: &Value, at: &At, found: &mut Vec<Violation>) {
    let holds = |branch: &Value| {
        let mut inner = Vec::new();
        check(branch, value, at, &mut inner);
        inner.is_empty()
    };
    for branch in schema["allOf"].as_array().into_iter().flatten() {
        check(branch, value, at, found);
    }
    let mut fail = |detail: String| found.push(at.broken(Cause::invalid(at.shown(), value, &detail)));
    if let Some(branches) = schema["anyOf"].as_array()
        && !branches.iter().any(holds)
    {
        fail(format!("{:?} must validate at least one schema (anyOf)", at.path));
    }
    if let Some(branches) = schema["oneOf"].as_array() {
        match branches.iter().filter(|b| holds(b)).count() {
            1 => {}
            0 => fail(format!("{:?} must validate one and only one schema (oneOf). Found none valid", at.path)),
            n => fail(format!(
                "{:?} must validate one and only one schema (oneOf). Found {n} valid alternatives",
                at.path
            )),
        }
    }
    if schema["not"].is_object() && holds(&schema["not"]) {
        fail(format!("{:?} must not validate the schema (not)", at.path));
    }
}

/// The wanted type where `value` has another one.
fn wrong_type<'a>(schema: &'a Value, value: &Value) -> Option<&'a str> {
    if schema["x-kubernetes-int-or-string"] == true {
        return (!value.is_string() && !is_integer(value)).then_some("integer,string");
    }
    let wanted = schema["type"].as_str()?;
    let fits = match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => is_integer(value),
        "number" => value.is_number(),
        _ => true,
    };
    (!fits).then_some(wanted)
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
