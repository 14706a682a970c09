//! Structural schemas of custom resources: pruning, defaulting and validation, in the order of a real API server.

mod defaulting;
mod pruning;
mod validation;

use kube::core::cel::{ErrorKind, validate_compiled};
use serde_json::{Value, json};

pub use defaulting::default_fields;
pub use pruning::prune;

use self::validation::Violation;
use super::{crd::CustomVersion, error::Cause};

/// Checks a custom object against its version's schema and CEL rules.
///
/// `old` is the stored object on updates; what was already wrong there and did not change is let through
/// ("validation ratcheting").
pub fn validate(version: &CustomVersion, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let unchanged = |pointer: &str| {
        let same = |old: &Value| old.pointer(pointer).is_some_and(|before| Some(before) == object.pointer(pointer));
        !pointer.is_empty() && old.is_some_and(same)
    };
    let violations = validation::check_root(&version.schema, object);
    let mut causes: Vec<Cause> =
        violations.into_iter().filter(|v| !unchanged(&v.pointer)).map(|v: Violation| v.cause).collect();
    let blocking = |c: &Cause| !matches!(c.reason, "FieldValueInvalid" | "FieldValueNotSupported");
    if causes.iter().any(blocking) {
        let message = "Invalid value: null: some validation rules were not checked because the object was invalid; \
                       correct the existing errors to complete validation";
        causes.push(Cause { reason: "FieldValueInvalid", message: message.to_owned(), field: "<nil>".to_owned() });
        return causes;
    }
    causes.extend(check_rules(version, object, old).into_iter().filter(|v| !unchanged(&v.pointer)).map(|v| v.cause));
    causes
}

/// Evaluates the CEL rules. Rules that read `oldSelf` are never ratcheted, so their pointer is empty.
fn check_rules(version: &CustomVersion, object: &Value, old: Option<&Value>) -> Vec<Violation> {
    let Err(errors) = validate_compiled(&version.rules, object, old) else { return Vec::new() };
    let describe = |error: &kube::core::cel::ValidationError| {
        let pointer = if error.rule.contains("oldSelf") { String::new() } else { pointer_of(&error.field_path) };
        let detail = match error.kind {
            ErrorKind::ValidationFailure => error.message.clone(),
            _ => format!("rule {:?}: {}", error.rule, error.message),
        };
        let reason = match error.reason.as_deref() {
            Some("FieldValueForbidden") => "FieldValueForbidden",
            Some("FieldValueRequired") => "FieldValueRequired",
            Some("FieldValueDuplicate") => "FieldValueDuplicate",
            _ => "FieldValueInvalid",
        };
        let value = object.pointer(&pointer_of(&error.field_path)).cloned().unwrap_or_else(|| json!({}));
        let field = if error.field_path.is_empty() { "<root>".to_owned() } else { error.field_path.clone() };
        let cause = match reason {
            "FieldValueForbidden" => Cause::forbidden(field, &detail),
            "FieldValueRequired" => Cause::required(field, &detail),
            _ => Cause { reason, ..Cause::invalid(field, &value, &detail) },
        };
        Violation { pointer, cause }
    };
    errors.as_slice().iter().map(describe).collect()
}

/// `spec.items[0].name` → `/spec/items/0/name`.
fn pointer_of(path: &str) -> String {
    let parts = path.split(['.', '[']).map(|p| p.trim_end_matches(']')).filter(|p| !p.is_empty());
    parts.fold(String::new(), |pointer, part| pointer + "/" + &part.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
