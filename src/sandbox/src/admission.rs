//! What is refused before it runs, and the tests as the supervisor keeps them.

use genesis_core::Digest;
use genesis_core::execution::{ExecutionRequest, Limits};
use genesis_core::task::{TestCase, TestSuite};

use crate::literal::Value;

/// How long a program, and a test program, may be, bytes.
pub const MAX_SOURCE: usize = 1 << 20;
/// How many calls a suite may have.
pub const MAX_CASES: usize = 10_000;
/// How long a name may be, bytes.
const MAX_NAME: usize = 256;

/// Bounds that may be asked for: what, smallest, largest.
type Range = (&'static str, fn(&Limits) -> u64, u64, u64);
const RANGES: [Range; 6] = [
    ("cpu_ms", |limits| limits.cpu_ms, 1, 120_000),
    ("wall_ms", |limits| limits.wall_ms, 1, 300_000),
    ("memory_bytes", |limits| limits.memory_bytes, 16 << 20, 8 << 30),
    ("processes", |limits| limits.processes, 1, 512),
    ("output_bytes", |limits| limits.output_bytes, 0, 64 << 20),
    ("file_bytes", |limits| limits.file_bytes, 0, 256 << 20),
];

/// A program that may run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    pub(crate) source: String,
    pub(crate) tests: Tests,
    pub(crate) capture: bool,
    pub(crate) limits: Limits,
}

/// The tests of a program. They stay on this side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tests {
    /// There are none.
    Nothing,
    /// Calls by value.
    Calls { entry: String, cases: Vec<Case> },
    /// A test program.
    Script { entry: String, setup: String, check: String },
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    /// Literal of the pair (positional arguments, named arguments), which the harness evaluates.
    pub(crate) arguments: String,
    /// Canonical text of the value that must come back; `None` where it is only captured.
    pub(crate) expected: Option<Expected>,
}

/// A value that must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    text: String,
    has_nan: bool,
}

impl Expected {
    fn of(value: &Value) -> Self {
        Self { text: value.canonical(), has_nan: value.has_nan() }
    }

    /// Whether `literal` is the expected value, judged by its text alone: the quick way for most answers.
    pub(crate) fn is_text(&self, literal: &str) -> bool {
        !self.has_nan && self.text == literal
    }

    /// Whether `value` is the expected one. Nothing equals a value with a NaN.
    pub(crate) fn is(&self, value: &Value) -> bool {
        self.is_text(&value.canonical())
    }
}

/// Why a program is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error("the {what} has {length} bytes, more than the {limit} allowed")]
    TooLong { what: &'static str, length: usize, limit: usize },
    #[error("the limit {name} is {value}; it must be from {least} to {most}")]
    Limit { name: &'static str, value: u64, least: u64, most: u64 },
    #[error("the entry point {0:?} is not a name of Python")]
    Entry(String),
    #[error("there are {0} test calls, more than the {MAX_CASES} allowed")]
    TooManyCases(usize),
    #[error("test call {case}, {what}: {reason}")]
    Literal { case: usize, what: String, reason: String },
}

/// Decides whether a request may run.
pub(crate) fn admit(request: &ExecutionRequest) -> Result<Program, Refusal> {
    bounded("program", &request.source, MAX_SOURCE)?;
    for (name, value, least, most) in RANGES {
        let value = value(&request.limits);
        if !(least..=most).contains(&value) {
            return Err(Refusal::Limit { name, value, least, most });
        }
    }
    let tests = match &request.tests {
        None => Tests::Nothing,
        Some(TestSuite::Calls { entry, cases }) => {
            if cases.len() > MAX_CASES {
                return Err(Refusal::TooManyCases(cases.len()));
            }
            let admitted = cases.iter().enumerate().map(|(at, case)| admit_case(at + 1, case, request.capture));
            Tests::Calls { entry: name(entry)?, cases: admitted.collect::<Result<_, _>>()? }
        }
        Some(TestSuite::Script { entry, setup, check }) => {
            bounded("tests' set-up", setup, MAX_SOURCE)?;
            bounded("tests' check", check, MAX_SOURCE)?;
            Tests::Script { entry: name(entry)?, setup: setup.clone(), check: check.clone() }
        }
    };
    Ok(Program { source: request.source.clone(), tests, capture: request.capture, limits: request.limits })
}

fn admit_case(case: usize, test: &TestCase, capture: bool) -> Result<Case, Refusal> {
    let read = |what: String, text: &str| {
        Value::parse(text).map_err(|error| Refusal::Literal { case, what, reason: error.to_string() })
    };
    let arguments = test.args.iter().enumerate().map(|(at, text)| read(format!("argument {}", at + 1), text));
    let pair = Value::Tuple(vec![Value::Tuple(arguments.collect::<Result<_, _>>()?), Value::Dict(Vec::new())]);
    // Where values are only captured, an expectation may be left empty.
    let expected = if capture && test.expected.trim().is_empty() {
        None
    } else {
        Some(Expected::of(&read("expected value".to_owned(), &test.expected)?))
    };
    Ok(Case { arguments: pair.literal(), expected })
}

fn bounded(what: &'static str, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.len() > limit { Err(Refusal::TooLong { what, length: text.len(), limit }) } else { Ok(()) }
}

fn name(text: &str) -> Result<String, Refusal> {
    let fits = (1..=MAX_NAME).contains(&text.len());
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    if fits && text.chars().all(is_name) && !text.starts_with(|first: char| first.is_numeric()) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::Entry(text.chars().take(40).collect()))
    }
}

/// What two requests have in common exactly when their runs are interchangeable.
pub(crate) fn sameness(request: &ExecutionRequest) -> Digest {
    let parts = (request.language, &request.source, &request.tests, request.capture, request.limits);
    Digest::of_bytes(&serde_json::to_vec(&parts).unwrap_or_default())
}

/// Digest of the tests, as records carry it.
pub(crate) fn tests_digest(tests: Option<&TestSuite>) -> Option<Digest> {
    tests.map(|tests| Digest::of_bytes(&serde_json::to_vec(tests).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(change: serde_json::Value) -> ExecutionRequest {
        let mut whole = json!({"id": "a", "source": "pass", "tests": {"kind": "calls", "entry": "f", "cases": [
            {"args": ["[1,2]", "{'b':1,'a':2}"], "expected": "{3,1}"}]}});
        whole.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn arguments_keep_their_order_and_expectations_do_not() {
        let Tests::Calls { cases, .. } = admit(&request(json!({}))).unwrap().tests else { panic!() };
        assert_eq!(cases[0].arguments, "(([1, 2], {'b': 1, 'a': 2}), {})");
        let expected = cases[0].expected.as_ref().unwrap();
        assert!(expected.is_text("{1, 3}") && !expected.is_text("{3, 1}"));
        assert!(expected.is(&Value::parse("{3, 1}").unwrap()));
    }

    #[test]
    fn nothing_equals_a_value_with_a_nan() {
        let value = Value::parse("[nan]").unwrap();
        assert!(!Expected::of(&value).is(&value) && !Expected::of(&value).is_text("[nan]"));
    }

    #[test]
    fn an_expectation_may_only_be_missing_where_values_are_captured() {
        let cases = json!({"kind": "calls", "entry": "f", "cases": [{"args": [], "expected": ""}]});
        assert!(admit(&request(json!({"tests": cases.clone()}))).is_err());
        let Tests::Calls { cases, .. } = admit(&request(json!({"tests": cases, "capture": true}))).unwrap().tests
        else {
            panic!()
        };
        assert_eq!(cases[0].expected, None);
    }

    #[test]
    fn every_refusal_says_what_is_wrong() {
        let limits = |name: &str, value: u64| {
            let mut limits = serde_json::to_value(Limits::default()).unwrap();
            limits[name] = value.into();
            json!({ "limits": limits })
        };
        let calls = |entry: &str, args: &str| json!({"tests": {"kind": "calls", "entry": entry, "cases": [{"args": [args], "expected": "1"}]}});
        for (change, what) in [
            (json!({"source": "x".repeat(MAX_SOURCE + 1)}), "more than the 1048576 allowed"),
            (limits("memory_bytes", 1), "memory_bytes is 1"),
            (limits("wall_ms", u64::MAX), "wall_ms"),
            (calls("f(1)", "1"), "\"f(1)\" is not a name"),
            (calls("", "1"), "is not a name"),
            (calls("1f", "1"), "is not a name"),
            (calls("f", "open('x')"), "test call 1, argument 1"),
        ] {
            let error = admit(&request(change)).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn sameness_ignores_only_the_id() {
        let same = sameness(&request(json!({"id": "b"})));
        assert_eq!(same, sameness(&request(json!({}))));
        for change in [json!({"source": "1"}), json!({"tests": null}), json!({"capture": true})] {
            assert_ne!(same, sameness(&request(change)));
        }
    }
}
