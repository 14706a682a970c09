//! Bounds on numbers, lengths and counts, and patterns.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use regex::Regex;
use serde_json::Value;

use super::{At, Violation};
use crate::cluster::error::Cause;

/// `minLength`, `maxLength` and `pattern`.
pub fn check_text(schema: &Value, text: &str, at: &At, found: &mut Vec<Violation>) {
    let value = Value::from(text);
    let length = text.chars().count() as u64;
    if let Some(minimum) = schema["minLength"].as_u64()
        && length < minimum
    {
        found.push(at.invalid(&value, &format!("should be at least {minimum} chars long")));
    }
    if let Some(maximum) = schema["maxLength"].as_u64()
        && length > maximum
    {
        let message = format!("Too long: may not be more than {maximum} bytes");
        found.push(at.broken(Cause { reason: "FieldValueTooLong", message, field: at.shown().to_owned() }));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !matches_pattern(pattern, text)
    {
        found.push(at.invalid(&value, &format!("should match '{pattern}'")));
    }
}

/// `minimum`, `maximum`, their exclusive forms and `multipleOf`; the range of `int32`.
pub fn check_number(schema: &Value, value: &Value, at: &At, found: &mut Vec<Violation>) {
    let number = value.as_f64().unwrap_or_default();
    if let Some(minimum) = schema["minimum"].as_f64() {
        let exclusive = schema["exclusiveMinimum"] == true;
        if number < minimum || (exclusive && number == minimum) {
            let or_equal = if exclusive { "" } else { " or equal to" };
            found.push(at.invalid(value, &format!("should be greater than{or_equal} {}", schema["minimum"])));
        }
    }
    if let Some(maximum) = schema["maximum"].as_f64() {
        let exclusive = schema["exclusiveMaximum"] == true;
        if number > maximum || (exclusive && number == maximum) {
            let or_equal = if exclusive { "" } else { " or equal to" };
            found.push(at.invalid(value, &format!("should be less than{or_equal} {}", schema["maximum"])));
        }
    }
    if let Some(step) = schema["multipleOf"].as_f64()
        && step > 0.0
        && (number / step).fract() != 0.0
    {
        found.push(at.invalid(value, &format!("should be a multiple of {}", schema["multipleOf"])));
    }
    let in_int32 = value.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
    if schema["format"] == "int32" && !in_int32 {
        found.push(at.invalid(value, "must be of type int32"));
    }
}

/// `minItems`/`maxItems` or `minProperties`/`maxProperties`.
pub fn check_count(
    schema: &Value,
    value: &Value,
    count: usize,
    [minimum, maximum]: [&str; 2],
    noun: &str,
    at: &At,
    found: &mut Vec<Violation>,
) {
    if let Some(minimum) = schema[minimum].as_u64()
        && (count as u64) < minimum
    {
        found.push(at.invalid(value, &format!("should have at least {minimum} {noun}")));
    }
    if let Some(maximum) = schema[maximum].as_u64()
        && count as u64 > maximum
    {
        let message = format!("Too many: {count}: must have at most {maximum} {noun}");
        found.push(at.broken(Cause { reason: "FieldValueTooMany", message, field: at.shown().to_owned() }));
    }
}

/// Compiles each pattern once; a pattern that does not compile matches nothing.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    static COMPILED: OnceLock<Mutex<HashMap<String, Option<Regex>>>> = OnceLock::new();
    let mut compiled = COMPILED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
    regex.as_ref().is_some_and(|regex| regex.is_match(text))
}
