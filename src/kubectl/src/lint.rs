//! Is a manifest right? Asked of the definitions in this program, without a server.
//!
//! First the structure, as a server would check it strictly; then the CEL rules.

mod document;
mod locate;

use std::fmt;

use genesis_api::names::{GROUP, VERSION};
use genesis_api::structure;
use kube::core::cel::Validator;
use serde::Serialize;
use serde_json::Value;

use document::Document;

/// What is wrong at one place of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The field; empty for the document itself.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// What came of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Linted {
    /// Objects of Genesis in it.
    pub objects: usize,
    /// Objects of others, which are not looked at.
    pub others: usize,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problem {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        write!(to, "{}:{}: error: {path}{}", self.file, self.line, self.message)
    }
}

/// Looks at every document of a file.
pub fn lint(file: &str, text: &str) -> Linted {
    let mut linted = Linted::default();
    for document in document::split(text) {
        let problem = |(line, path, message)| Problem { file: file.to_owned(), line, path, message };
        match document.parse() {
            Err((line, message)) => linted.problems.push(problem((line, String::new(), message))),
            Ok(Value::Null) => {}
            Ok(object) if !is_ours(&object) => linted.others += 1,
            Ok(object) => {
                linted.objects += 1;
                linted.problems.extend(of_object(&document, &object).into_iter().map(problem));
            }
        }
    }
    linted
}

fn is_ours(object: &Value) -> bool {
    object["apiVersion"].as_str().is_some_and(|version| version.split('/').next() == Some(GROUP))
}

fn of_object(document: &Document<'_>, object: &Value) -> Vec<(usize, String, String)> {
    let at = |path: &str, message: String| (document.line(path), path.to_owned(), message);
    let version = format!("{GROUP}/{VERSION}");
    if object["apiVersion"] != version {
        return vec![at("apiVersion", format!("{} is not served; write {version}", object["apiVersion"]))];
    }
    let Some(schema) = object["kind"].as_str().and_then(schema) else {
        let kinds: Vec<String> = genesis_api::crds().into_iter().map(|crd| crd.spec.names.kind).collect();
        return vec![at("kind", format!("{} is not one of {}", object["kind"], kinds.join(", ")))];
    };
    if object["metadata"]["name"].as_str().is_none_or(str::is_empty) && object["metadata"]["generateName"].is_null() {
        return vec![at("metadata", "metadata.name is required".to_owned())];
    }
    let found = structure::problems(&schema, object);
    if !found.is_empty() {
        return found.into_iter().map(|(path, message)| at(&path, message)).collect();
    }
    match Validator::new().validate(&schema, object, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.as_slice().iter().map(|error| at(&error.field_path, error.message.clone())).collect(),
    }
}

/// The schema of a kind.
fn schema(kind: &str) -> Option<Value> {
    let crd = genesis_api::crds().into_iter().find(|crd| crd.spec.names.kind == kind)?;
    let schema = crd.spec.versions.first()?.schema.as_ref()?.open_api_v3_schema.as_ref()?;
    serde_json::to_value(schema).ok()
}

#[cfg(test)]
mod tests;
