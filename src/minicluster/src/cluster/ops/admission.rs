//! From what a client sent to what may be stored: decoding, pruning, defaulting, validation.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::Call;
use crate::cluster::{
    builtin::{self, events},
    error::{ApiError, Cause},
    meta, names,
    request::FieldValidation,
    schema,
};

/// Checks that `apiVersion` and `kind` fit the path. Compiled-in kinds may leave them out.
pub fn check_type(call: &Call<'_>, object: &Value) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::bad_request("the request body must be a JSON object"));
    }
    let (api_version, kind) = (&object["apiVersion"], &object["kind"]);
    let optional = call.resource.builtin().is_some();
    if api_version.is_null() && kind.is_null() && optional {
        return Ok(());
    }
    if kind != call.resource.kind.as_str() {
        let (got, wanted) = (kind.as_str().unwrap_or_default(), &call.resource.kind);
        return Err(ApiError::bad_request(if got.is_empty() {
            format!("Object 'Kind' is missing in '{object}'")
        } else {
            format!("{got} in version {api_version} cannot be handled as a {wanted}")
        }));
    }
    let wanted = call.api_version();
    if api_version != wanted.as_str() {
        let got = api_version.as_str().unwrap_or_default();
        let why = format!("the API version in the data ({got}) does not match the expected API version ({wanted})");
        return Err(ApiError::bad_request(why));
    }
    Ok(())
}

/// Turns a client's object into its stored form: typed, pruned, in the storage version.
///
/// Returns the paths of unknown fields beside it.
pub fn decode(call: &Call<'_>, mut object: Value) -> Result<(Value, Vec<String>), ApiError> {
    object["apiVersion"] = json!(call.api_version());
    object["kind"] = json!(call.resource.kind);
    if let Some(kind) = call.resource.builtin() {
        let typed = (kind.round_trip)(object.clone()).map_err(|e| {
            let version = call.api_version();
            let version = version.rsplit('/').next().unwrap_or_default();
            ApiError::bad_request(format!("{0} in version {version:?} cannot be handled as a {0}: {e}", kind.kind))
        })?;
        let unknown = builtin::unknown_fields(&object, &typed);
        let stored = if call.resource.group == "events.k8s.io" { events::to_core(typed) } else { typed };
        return Ok((stored, unknown));
    }
    let metadata = object["metadata"].clone();
    let typed = builtin::typed::<ObjectMeta>(if metadata.is_null() { json!({}) } else { metadata.clone() })
        .map_err(|e| ApiError::bad_request(format!("{} cannot be handled: metadata: {e}", call.resource.kind)))?;
    let unknown_meta = builtin::unknown_fields(&metadata, &typed).into_iter().map(|p| format!("metadata.{p}"));
    let mut unknown: Vec<String> = unknown_meta.collect();
    object["metadata"] = typed;
    if let Some(version) = call.resource.custom().and_then(|c| c.version(call.version)) {
        unknown.extend(schema::prune(&version.schema, &mut object));
    }
    Ok((object, unknown))
}

/// What becomes of unknown fields: nothing, warnings, or a refusal.
pub fn judge_unknown(call: &Call<'_>, unknown: &[String]) -> Result<Vec<String>, ApiError> {
    let texts = || unknown.iter().map(|path| format!("unknown field {path:?}"));
    match call.query.field_validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(texts().collect()),
        FieldValidation::Strict if unknown.is_empty() => Ok(Vec::new()),
        FieldValidation::Strict => {
            let kind = &call.resource.kind;
            let list = texts().collect::<Vec<_>>().join(", ");
            let version = call.version;
            Err(ApiError::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {list}"
            )))
        }
    }
}

/// Fills defaults into a stored-form object.
pub fn default(call: &Call<'_>, object: &mut Value) {
    if let Some(kind) = call.resource.builtin() {
        (kind.rules.default)(object);
    } else if let Some(version) = call.resource.custom().and_then(|c| c.version(call.version)) {
        schema::default_fields(&version.schema, object);
    }
}

/// Validates an object about to be stored; `old` is what it replaces.
pub fn validate(call: &Call<'_>, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut causes = names::validate_metadata(&call.resource, object);
    if let Some(old) = old {
        causes.extend(validate_finalizers(object, old));
    }
    if let Some(kind) = call.resource.builtin() {
        causes.extend((kind.rules.validate)(object));
        if let Some(old) = old
            && call.subresource().is_empty()
        {
            causes.extend((kind.rules.validate_update)(object, old));
        }
    } else if let Some(version) = call.resource.custom().and_then(|c| c.version(call.version)) {
        causes.extend(schema::validate(version, object, old));
    }
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(&call.resource, meta::name(object), &causes)) }
}

/// An object being deleted gets no new finalizers.
fn validate_finalizers(object: &Value, old: &Value) -> Vec<Cause> {
    if !meta::is_deleting(old) {
        return Vec::new();
    }
    let known = meta::finalizers(old);
    let new: Vec<_> = meta::finalizers(object).into_iter().filter(|f| !known.contains(f)).collect();
    if new.is_empty() {
        return Vec::new();
    }
    let list = new.iter().map(|f| format!("{f:?}")).collect::<Vec<_>>().join(", ");
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}"
    );
    vec![Cause::forbidden("metadata.finalizers", &detail)]
}
