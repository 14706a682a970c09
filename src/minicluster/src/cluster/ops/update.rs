//! Replacing a stored object: PUT, and the last step of every patch.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Written, admission};
use crate::cluster::{
    apply::{self, Managers, Operation},
    error::{ApiError, Cause},
    meta,
    resource::ObjectKey,
    store::Writer,
};

/// PUT.
pub fn update(writer: &mut Writer<'_>, call: &Call<'_>, body: Value) -> Result<Written, ApiError> {
    admission::check_type(call, &body)?;
    let (named, name) = (meta::name(&body).to_owned(), call.name());
    if named != name {
        let why = if named.is_empty() {
            "name must be provided".to_owned()
        } else {
            format!("the name of the object ({named}) does not match the name on the URL ({name})")
        };
        return Err(ApiError::bad_request(why));
    }
    let (object, unknown) = admission::decode(call, body)?;
    let warnings = admission::judge_unknown(call, &unknown)?;
    let old = call.existing(writer.state())?;
    let unconditional = call.resource.builtin().is_some_and(|kind| kind.unconditional_update);
    if meta::resource_version(&object).is_empty() && !unconditional {
        let cause = Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
        return Err(ApiError::invalid(&call.resource, name, &[cause]));
    }
    let object = replace(writer, call, &old, object, Owners::Track)?;
    Ok(Written { object, created: false, warnings })
}

/// Who owns the fields of the replacement.
#[derive(Debug)]
pub enum Owners {
    /// The writer owns what it changes.
    Track,
    /// Server-side apply has decided.
    Given(Managers),
}

/// Replaces `old` by `candidate` (stored form) as far as the endpoint lets it, and returns what is stored then.
///
/// A replacement that changes nothing keeps the resourceVersion. One that takes the last finalizer off an object
/// being deleted removes it.
pub fn replace(
    writer: &mut Writer<'_>,
    call: &Call<'_>,
    old: &Arc<Value>,
    mut candidate: Value,
    owners: Owners,
) -> Result<Arc<Value>, ApiError> {
    check_preconditions(call, &candidate, old)?;
    keep_system_metadata(&mut candidate, old);
    isolate(call, &mut candidate, old);
    if let Some(kind) = call.resource.builtin()
        && call.subresource().is_empty()
    {
        (kind.rules.prepare_update)(&mut candidate, old);
    }
    admission::default(call, &mut candidate);
    admission::validate(call, &candidate, Some(old))?;
    if counts_generation(call, &candidate, old) {
        let next = meta::generation(old) + 1;
        meta::metadata_mut(&mut candidate).insert("generation".to_owned(), json!(next));
    }
    let managers = match owners {
        Owners::Given(managers) => managers,
        Owners::Track => track(call, &candidate, old),
    };
    meta::metadata_mut(&mut candidate).insert("managedFields".to_owned(), managers.to_json());
    if candidate == **old {
        return Ok(old.clone());
    }
    if call.query.dry_run {
        return Ok(candidate.into());
    }
    let key = stored_key(call, old);
    Ok(commit(writer, &key, candidate))
}

/// Stores a changed object, or removes it if it was only waiting for its last finalizer.
pub fn commit(writer: &mut Writer<'_>, key: &ObjectKey, object: Value) -> Arc<Value> {
    let grace = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or_default();
    let held = !meta::finalizers(&object).is_empty()
        || (&*key.resource.to_string() == "namespaces" && !meta::strings(&object["spec"]["finalizers"]).is_empty());
    if meta::is_deleting(&object) && grace == 0 && !held {
        writer.remove_last(key, object).object
    } else {
        writer.put(key, object).object
    }
}

fn stored_key(call: &Call<'_>, old: &Value) -> ObjectKey {
    call.resource.key(call.namespace(), meta::name(old))
}

fn check_preconditions(call: &Call<'_>, candidate: &Value, old: &Value) -> Result<(), ApiError> {
    let group_resource = call.resource.group_resource();
    let (uid, version) = (meta::uid(candidate), meta::resource_version(candidate));
    if !uid.is_empty() && uid != meta::uid(old) {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", meta::uid(old));
        return Err(ApiError::conflict(&group_resource, call.name(), &why));
    }
    if !version.is_empty() && version != meta::resource_version(old) {
        return Err(ApiError::stale(&group_resource, call.name()));
    }
    Ok(())
}

fn keep_system_metadata(candidate: &mut Value, old: &Value) {
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
    ] {
        meta::copy(old, candidate, field);
    }
}

/// Confines a write to what its endpoint may change.
fn isolate(call: &Call<'_>, candidate: &mut Value, old: &Value) {
    let set = |object: &mut Value, field: &str, value: Option<&Value>| {
        if let Some(map) = object.as_object_mut() {
            match value {
                Some(value) => map.insert(field.to_owned(), value.clone()),
                None => map.remove(field),
            };
        }
    };
    match call.subresource() {
        "status" if call.resource.custom().is_some() => {
            let status = candidate.get("status").cloned();
            *candidate = old.clone();
            set(candidate, "status", status.as_ref());
        }
        "status" => {
            set(candidate, "spec", old.get("spec"));
            meta::copy(old, candidate, "ownerReferences");
        }
        _ if call.has_status() => set(candidate, "status", old.get("status")),
        _ => {}
    }
}

fn counts_generation(call: &Call<'_>, candidate: &Value, old: &Value) -> bool {
    if !call.subresource().is_empty() {
        return false;
    }
    if let Some(kind) = call.resource.builtin() {
        return kind.counts_generations && candidate.get("spec") != old.get("spec");
    }
    let counted = |object: &Value| {
        let mut object = object.clone();
        if let Some(map) = object.as_object_mut() {
            map.remove("metadata");
            map.remove("apiVersion");
            if call.has_status() {
                map.remove("status");
            }
        }
        object
    };
    counted(candidate) != counted(old)
}

fn track(call: &Call<'_>, candidate: &Value, old: &Value) -> Managers {
    let ownable = |object: &Value| {
        apply::ownable(object, call.subresource(), call.resource.custom().is_some(), call.has_status())
    };
    let managers = Managers::from_json(&old["metadata"]["managedFields"], meta::time(call.now));
    let manager = call.manager(Operation::Update);
    apply::track_update(Some(&ownable(old)), &ownable(candidate), managers, &manager, &call.shape())
}
