//! A suite from a file, with the checks that its form alone does not make.

use std::collections::HashMap;

use genesis_core::task::{Suite, Task, TestSuite};

/// Why a suite cannot be used. Tasks are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum SuiteReadError {
    /// It has not the form of a suite.
    #[error("it is no suite: {0}")]
    Form(#[from] serde_json::Error),
    /// A field of a task has the right form and an unusable value.
    #[error("task {task}, {field}: {problem}")]
    Value {
        /// The task.
        task: usize,
        /// The field.
        field: &'static str,
        /// What is wrong and how to fix it.
        problem: String,
    },
    /// There is no task.
    #[error("it holds no task")]
    Empty,
}

/// Reads a suite. Whoever judges by it can rely on unique ids, and on tests that can fail an answer.
///
/// # Errors
/// Where the bytes are no suite, or one of its tasks could not be asked or never judged.
pub fn read_suite(bytes: &[u8]) -> Result<Suite, SuiteReadError> {
    let suite: Suite = serde_json::from_slice(bytes)?;
    if suite.tasks.is_empty() {
        return Err(SuiteReadError::Empty);
    }
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for (at, task) in suite.tasks.iter().enumerate() {
        let number = at + 1;
        let refuse = |(field, problem)| SuiteReadError::Value { task: number, field, problem };
        check(task).map_err(refuse)?;
        if let Some(first) = numbers.insert(&task.id, number) {
            let problem = format!("{:?} is the id of task {first} already; ids are unique within a suite", task.id);
            return Err(refuse(("id", problem)));
        }
    }
    Ok(suite)
}

/// What the form alone does not show: the field and the problem.
fn check(task: &Task) -> Result<(), (&'static str, String)> {
    let wrong = |field, problem: &str| Err((field, problem.to_owned()));
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

    fn suite(tasks: &[&str]) -> String {
        format!(r#"{{"name":"own","seed":0,"tasks":[{}]}}"#, tasks.join(","))
    }

    fn error(tasks: &[&str]) -> String {
        read_suite(suite(tasks).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_suite_is_read_as_it_was_written() {
        let text = suite(&[GOOD, &GOOD.replace("\"a\"", "\"b\"")]);
        let suite = read_suite(text.as_bytes()).unwrap();
        assert_eq!(suite.tasks[1].id, "b");
        assert_eq!(read_suite(&serde_json::to_vec(&suite).unwrap()).unwrap(), suite);
    }

    #[test]
    fn every_error_names_task_and_field() {
        for (from, to, message) in [
            ("\"split\":\"dev\",", "", "it is no suite: missing field `split`"),
            ("\"dev\"", "\"test\"", "it is no suite: unknown variant `test`"),
            ("\"a\"", "\" \"", "task 1, id: is empty"),
            ("\"entry\":\"f\"", "\"entry\":\"f(\"", "task 1, tests: the entry is the name"),
            ("[{\"args\":[\"1\"],\"expected\":\"2\"}]", "[]", "task 1, tests: has no cases"),
        ] {
            let message_of = error(&[&GOOD.replacen(from, to, 1)]);
            assert!(message_of.starts_with(message), "{message_of}");
        }
        assert!(error(&[GOOD, GOOD]).starts_with("task 2, id: \"a\" is the id of task 1 already"));
        assert_eq!(error(&[]), "it holds no task");
    }

    #[test]
    fn a_script_must_define_its_check() {
        let script = r#"{"id":"a","family":"f","split":"sealed","prompt":"p","tests":{"kind":"script","entry":"f","setup":"","check":"assert 1"}}"#;
        assert!(error(&[script]).contains("must define check(candidate)"));
        let defined = script.replace("assert 1", "def check(candidate): pass");
        assert!(read_suite(suite(&[&defined]).as_bytes()).is_ok());
    }
}
