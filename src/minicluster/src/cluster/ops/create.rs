//! POST, and the first server-side apply of an object.

use serde_json::{Value, json};

use super::{Call, Written, admission, check_namespace};
use crate::cluster::{
    apply::{self, Managers, Operation},
    error::{ApiError, Cause},
    meta, names,
    store::Writer,
};

/// Creates the object in a request body.
pub fn create(writer: &mut Writer<'_>, call: &Call<'_>, body: Value) -> Result<Written, ApiError> {
    admission::check_type(call, &body)?;
    let (object, unknown) = admission::decode(call, body)?;
    let warnings = admission::judge_unknown(call, &unknown)?;
    if !meta::resource_version(&object).is_empty() {
        return Err(ApiError::plain("resourceVersion should not be set on objects to be created"));
    }
    insert(writer, call, object, warnings, |call, object| {
        let ownable = apply::ownable(object, "", false, call.has_status());
        let managers = Managers::from_json(&Value::Null, meta::time(call.now));
        apply::track_update(None, &ownable, managers, &call.manager(Operation::Update), &call.shape())
    })
}

/// Stores a new object in stored form; `owners` names the managers of the finished object.
pub fn insert(
    writer: &mut Writer<'_>,
    call: &Call<'_>,
    mut object: Value,
    warnings: Vec<String>,
    owners: impl FnOnce(&Call<'_>, &Value) -> Managers,
) -> Result<Written, ApiError> {
    let group_resource = call.resource.group_resource();
    place(call, &mut object)?;
    let name = meta::name(&object).to_owned();
    check_namespace(writer.state(), call, &name)?;
    admission::default(call, &mut object);
    shape_new(call, &mut object);
    admission::validate(call, &object, None)?;
    // Defaults may have to be filled into what admission added, and owners see the object as the client meant it.
    let managers = owners(call, &object).to_json();
    meta::metadata_mut(&mut object).insert("managedFields".to_owned(), managers);
    let key = call.resource.key(call.namespace(), &name);
    if writer.state().get(&key).is_some() {
        return Err(ApiError::already_exists(&group_resource, &name));
    }
    let object = if call.query.dry_run { object.into() } else { writer.put(&key, object).object };
    Ok(Written { object, created: true, warnings })
}

/// Gives the object its namespace, name and system metadata.
fn place(call: &Call<'_>, object: &mut Value) -> Result<(), ApiError> {
    let namespace = meta::namespace(object).to_owned();
    if call.resource.namespaced && !namespace.is_empty() && namespace != call.namespace() {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let mut random = call.random();
    let prefix = meta::text(object, "generateName").to_owned();
    let metadata = meta::metadata_mut(object);
    if call.resource.namespaced {
        metadata.insert("namespace".to_owned(), json!(call.namespace()));
    } else {
        metadata.remove("namespace");
    }
    if metadata.get("name").and_then(Value::as_str).unwrap_or_default().is_empty() && !prefix.is_empty() {
        metadata.insert("name".to_owned(), json!(names::generate(&prefix, &mut random)));
    }
    let uid = uuid::Builder::from_random_bytes(rand::Rng::random(&mut random)).into_uuid();
    metadata.insert("uid".to_owned(), json!(uid.to_string()));
    metadata.insert("creationTimestamp".to_owned(), json!(meta::time(call.now)));
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation", "managedFields"] {
        metadata.remove(field);
    }
    let name = meta::name(object);
    if name.is_empty() {
        let cause = Cause::required("metadata.name", "name or generateName is required");
        return Err(ApiError::invalid(&call.resource, "", &[cause]));
    }
    Ok(())
}

/// Clears status and starts the generation count, as the kind wants it.
fn shape_new(call: &Call<'_>, object: &mut Value) {
    if let Some(kind) = call.resource.builtin() {
        (kind.rules.prepare_create)(object);
        if kind.counts_generations {
            meta::metadata_mut(object).insert("generation".to_owned(), json!(1));
        }
    } else {
        if call.has_status()
            && let Some(map) = object.as_object_mut()
        {
            map.remove("status");
        }
        meta::metadata_mut(object).insert("generation".to_owned(), json!(1));
    }
}
