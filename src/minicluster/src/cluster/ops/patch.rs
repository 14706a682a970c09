//! PATCH in its four forms.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Call, Written, admission, create,
    update::{Owners, replace},
};
use crate::cluster::{
    apply::{self, Managers, Operation},
    error::ApiError,
    merge, meta,
    store::Writer,
};

/// The patch formats, by media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`
    Json,
    /// `application/merge-patch+json`
    Merge,
    /// `application/strategic-merge-patch+json`
    Strategic,
    /// `application/apply-patch+yaml`
    Apply,
}

impl PatchType {
    /// The format of a `Content-Type`.
    pub fn of(content_type: &str) -> Result<Self, ApiError> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Ok(Self::Apply),
            other => Err(ApiError::unsupported_media_type(format!(
                "the body of the request was in an unknown format {other:?} - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, \
                 application/strategic-merge-patch+json, application/apply-patch+yaml"
            ))),
        }
    }
}

/// PATCH.
pub fn patch(writer: &mut Writer<'_>, call: &Call<'_>, kind: PatchType, body: Value) -> Result<Written, ApiError> {
    if kind == PatchType::Apply {
        return server_side_apply(writer, call, body);
    }
    if call.query.force {
        return Err(ApiError::bad_request("force: Forbidden: may not be specified for non-apply patch"));
    }
    let old = call.existing(writer.state())?;
    let mut patched = call.present(&old);
    match kind {
        PatchType::Json => merge::json_patch(&mut patched, &body)?,
        PatchType::Strategic if call.resource.custom().is_some() => {
            let why = "the body of the request was in an unknown format - accepted media types include: \
                       application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            return Err(ApiError::unsupported_media_type(why));
        }
        PatchType::Strategic => merge::strategic(&mut patched, &body, &call.shape()),
        _ => merge::merge(&mut patched, &body),
    }
    admission::check_type(call, &patched)?;
    let (object, unknown) = admission::decode(call, patched)?;
    let warnings = admission::judge_unknown(call, &unknown)?;
    let object = replace(writer, call, &old, object, Owners::Track)?;
    Ok(Written { object, created: false, warnings })
}

fn server_side_apply(writer: &mut Writer<'_>, call: &Call<'_>, body: Value) -> Result<Written, ApiError> {
    if call.query.field_manager.is_none() {
        return Err(ApiError::bad_request("fieldManager: Required value: is required for apply patch"));
    }
    check_config(call, &body)?;
    let old = call.existing(writer.state()).ok();
    if old.is_none() && !call.subresource().is_empty() {
        return call.existing(writer.state()).map(|object| Written { object, created: false, warnings: Vec::new() });
    }
    let manager = call.manager(Operation::Apply);
    let custom = call.resource.custom().is_some();
    let ownable = |object: &Value| apply::ownable(object, call.subresource(), custom, call.has_status());
    let config = ownable(&body);
    let Some(old) = old else {
        let (mut object, _) = admission::decode(call, body)?;
        if !meta::resource_version(&object).is_empty() {
            // A version can only be asked of an object that exists.
            return Err(ApiError::stale(&call.resource.group_resource(), call.name()));
        }
        meta::metadata_mut(&mut object).insert("name".to_owned(), json!(call.name()));
        return create::insert(writer, call, object, Vec::new(), |call, _| {
            let managers = Managers::from_json(&Value::Null, meta::time(call.now));
            let mut owners = managers;
            owners.set(manager, apply::FieldSet::of(&config, &call.shape()));
            owners
        });
    };
    check_version(call, &body, &old)?;
    let managers = Managers::from_json(&old["metadata"]["managedFields"], meta::time(call.now));
    let live = call.present(&old);
    let applied = apply::apply(&live, managers, &manager, &config, &call.shape(), call.query.force)?;
    let (object, _) = admission::decode(call, applied.object)?;
    let object = replace(writer, call, &old, object, Owners::Given(applied.managers))?;
    Ok(Written { object, created: false, warnings: Vec::new() })
}

/// Checks an applied configuration before it meets the object.
fn check_config(call: &Call<'_>, body: &Value) -> Result<(), ApiError> {
    if body["apiVersion"].is_null() || body["kind"].is_null() {
        return Err(ApiError::bad_request("Object 'Kind' is missing in the applied configuration"));
    }
    admission::check_type(call, body)?;
    if body["metadata"].get("managedFields").is_some_and(|f| f.as_array().is_none_or(|a| !a.is_empty())) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let name = meta::name(body);
    if !name.is_empty() && name != call.name() {
        let wanted = call.name();
        let why = format!("the name of the object ({name}) does not match the name on the URL ({wanted})");
        return Err(ApiError::bad_request(why));
    }
    let (_, unknown) = admission::decode(call, body.clone())?;
    if let Some(path) = unknown.first() {
        let at = if call.namespace().is_empty() {
            format!("/{}", call.name())
        } else {
            format!("{}/{}", call.namespace(), call.name())
        };
        return Err(ApiError::plain(format!(
            "failed to create typed patch object ({at}; {}, Kind={}): .{path}: field not declared in schema",
            call.api_version(),
            call.resource.kind
        )));
    }
    Ok(())
}

/// `resourceVersion` and `uid` in an applied configuration are preconditions.
fn check_version(call: &Call<'_>, body: &Value, old: &Arc<Value>) -> Result<(), ApiError> {
    let group_resource = call.resource.group_resource();
    let (version, uid) = (meta::resource_version(body), meta::uid(body));
    if !version.is_empty() && version != meta::resource_version(old) {
        return Err(ApiError::stale(&group_resource, call.name()));
    }
    if !uid.is_empty() && uid != meta::uid(old) {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", meta::uid(old));
        return Err(ApiError::conflict(&group_resource, call.name(), &why));
    }
    Ok(())
}
