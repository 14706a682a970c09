//! Whether a refusal says what is wrong, and where.

use super::campaign::Outcome;
use super::mutate::Mutation;

/// What refused it. An error where the refusal does not name the field.
pub fn names(error: &kube::Error, mutation: &Mutation) -> Result<Outcome, String> {
    let kube::Error::Api(status) = error else { return Err(format!("no answer: {error}")) };
    if !matches!(status.code, 400 | 422) {
        return Err(format!("it was refused with {}: {}", status.code, status.message));
    }
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let field = mutation.path.rsplit('.').next().unwrap_or_default();
    let field = field.split('[').next().unwrap_or_default();
    let at = |path: &str| causes.iter().any(|cause| concerns(&cause.field, path));
    let named = at(&mutation.path) || mutation.problems.iter().any(|path| at(path)) || status.message.contains(field);
    if !named {
        return Err(format!("the refusal does not name {}: {}", mutation.path, status.message));
    }
    Ok(if mutation.problems.is_empty() { Outcome::RefusedByRule } else { Outcome::RefusedBySchema })
}

/// Whether a cause speaks of a field, of what it is in or of what is in it. `spec` alone says nothing.
fn concerns(cause: &str, path: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    cause != "spec" && !cause.is_empty() && (within(cause, path) || within(path, cause))
}
