//! A user's own suite: JSON lines, one task each, in the form of [`Task`].

use std::collections::HashMap;

use genesis_core::task::{Task, TestSuite};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Fields a task must have.
const REQUIRED: [&str; 5] = ["id", "family", "split", "prompt", "tests"];
/// Fields a task may have.
const OPTIONAL: [&str; 2] = ["language", "extra"];

/// Why a suite cannot be read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum SuiteReadError {
    /// The line is no JSON.
    #[error("line {line} is not JSON: {source}")]
    Json {
        /// The line.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The line is JSON, but no object.
    #[error("line {line}: a task is an object in braces, one per line")]
    NotAnObject {
        /// The line.
        line: usize,
    },
    /// A field is missing.
    #[error("line {line}: the task has no {field:?}; it needs id, family, split, prompt and tests")]
    Missing {
        /// The line.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// A field has no meaning.
    #[error(
        "line {line}: {field:?} is no field of a task; it has id, family, split, prompt, tests, and optionally language and extra"
    )]
    Unknown {
        /// The line.
        line: usize,
        /// The field.
        field: String,
    },
    /// A field has the wrong form.
    #[error("line {line}, {field}: {source}")]
    Form {
        /// The line.
        line: usize,
        /// The field.
        field: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A field has the right form and an unusable value.
    #[error("line {line}, {field}: {problem}")]
    Value {
        /// The line.
        line: usize,
        /// The field.
        field: &'static str,
        /// What is wrong and how to fix it.
        problem: String,
    },
    /// There is no task.
    #[error("the file holds no task: write one JSON object per line")]
    Empty,
}

/// Reads the tasks of a file; empty lines are skipped.
pub fn read(text: &str) -> Result<Vec<Task>, SuiteReadError> {
    let mut tasks = Vec::new();
    let mut lines_by_id: HashMap<String, usize> = HashMap::new();
    for (number, content) in text.lines().enumerate().filter(|(_, content)| !content.trim().is_empty()) {
        let line = number + 1;
        let task = task(line, content)?;
        if let Some(first) = lines_by_id.insert(task.id.clone(), line) {
            let problem = format!("{:?} is the id of line {first} already; ids are unique within a suite", task.id);
            return Err(SuiteReadError::Value { line, field: "id", problem });
        }
        tasks.push(task);
    }
    if tasks.is_empty() { Err(SuiteReadError::Empty) } else { Ok(tasks) }
}

fn task(line: usize, content: &str) -> Result<Task, SuiteReadError> {
    let value: Value = serde_json::from_str(content).map_err(|source| SuiteReadError::Json { line, source })?;
    let Value::Object(fields) = value else { return Err(SuiteReadError::NotAnObject { line }) };
    if let Some(field) =
        fields.keys().find(|key| !REQUIRED.contains(&key.as_str()) && !OPTIONAL.contains(&key.as_str()))
    {
        return Err(SuiteReadError::Unknown { line, field: field.clone() });
    }
    let fields = Fields { line, fields };
    let task = Task {
        id: fields.required("id")?,
        family: fields.required("family")?,
        split: fields.required("split")?,
        language: fields.optional("language")?,
        prompt: fields.required("prompt")?,
        tests: fields.required("tests")?,
        extra: fields.optional("extra")?,
    };
    check(line, &task)?;
    Ok(task)
}

struct Fields {
    line: usize,
    fields: Map<String, Value>,
}

impl Fields {
    fn required<T: DeserializeOwned>(&self, field: &'static str) -> Result<T, SuiteReadError> {
        let value = self.fields.get(field).ok_or(SuiteReadError::Missing { line: self.line, field })?;
        T::deserialize(value).map_err(|source| SuiteReadError::Form { line: self.line, field, source })
    }

    fn optional<T: DeserializeOwned + Default>(&self, field: &'static str) -> Result<T, SuiteReadError> {
        if self.fields.contains_key(field) { self.required(field) } else { Ok(T::default()) }
    }
}

/// What the form alone does not show.
fn check(line: usize, task: &Task) -> Result<(), SuiteReadError> {
    let wrong = |field, problem: &str| Err(SuiteReadError::Value { line, field, problem: problem.to_owned() });
    for (field, text) in [("id", &task.id), ("family", &task.family), ("prompt", &task.prompt)] {
        if text.trim().is_empty() {
            return wrong(field, "is empty; write what names or asks the task");
        }
    }
    let entry = match &task.tests {
        TestSuite::Calls { entry, cases } => {
            if cases.is_empty() {
                return wrong("tests", "has no cases; an answer without a test is never verified");
            }
            entry
        }
        TestSuite::Script { entry, check, .. } => {
            if !check.contains("def check(") {
                return wrong("tests", "the check of a script must define check(candidate)");
            }
            entry
        }
    };
    if is_identifier(entry) { Ok(()) } else { wrong("tests", "the entry is the name of one function") }
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|next| next.is_alphanumeric() || next == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"a","family":"f","split":"dev","prompt":"def f(x):\n","tests":{"kind":"calls","entry":"f","cases":[{"args":["1"],"expected":"2"}]}}"#;

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn tasks_are_read_and_empty_lines_skipped() {
        let tasks = read(&format!("\n{GOOD}\n\n{}\n", GOOD.replace("\"a\"", "\"b\""))).unwrap();
        assert_eq!(tasks.len(), 2);
        assert_eq!(tasks[1].id, "b");
        let again: String = tasks.iter().map(|task| serde_json::to_string(task).unwrap() + "\n").collect();
        assert_eq!(read(&again).unwrap(), tasks);
    }

    #[test]
    fn every_error_names_line_and_field() {
        assert!(error(&format!("{GOOD}\n{{")).starts_with("line 2 is not JSON"));
        assert!(error("[]").starts_with("line 1: a task is an object"));
        for (from, to, message) in [
            ("\"split\":\"dev\",", "", "line 1: the task has no \"split\""),
            ("\"split\"", "\"spilt\"", "line 1: \"spilt\" is no field"),
            ("\"dev\"", "\"test\"", "line 1, split: unknown variant `test`"),
            ("\"a\"", "7", "line 1, id: invalid type: integer `7`, expected a string"),
            ("\"a\"", "\" \"", "line 1, id: is empty"),
            ("\"calls\"", "\"call\"", "line 1, tests: unknown variant `call`"),
            ("\"entry\":\"f\"", "\"entry\":\"f(\"", "line 1, tests: the entry is the name"),
            ("\"expected\"", "\"expect\"", "line 1, tests: missing field `expected`"),
            ("[{\"args\":[\"1\"],\"expected\":\"2\"}]", "[]", "line 1, tests: has no cases"),
            ("\"id\"", "\"language\":\"ruby\",\"id\"", "line 1, language: unknown variant `ruby`"),
        ] {
            let message_of = error(&GOOD.replacen(from, to, 1));
            assert!(message_of.starts_with(message), "{message_of}");
        }
        assert!(error(&format!("{GOOD}\n{GOOD}")).starts_with("line 2, id: \"a\" is the id of line 1 already"));
        assert!(error("\n").contains("holds no task"));
    }

    #[test]
    fn a_script_must_define_its_check() {
        let script = r#"{"id":"a","family":"f","split":"sealed","prompt":"p","tests":{"kind":"script","entry":"f","setup":"","check":"assert 1"}}"#;
        assert!(error(script).contains("must define check(candidate)"));
        assert!(read(&script.replace("assert 1", "def check(candidate): pass")).is_ok());
    }
}
