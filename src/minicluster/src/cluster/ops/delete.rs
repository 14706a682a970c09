//! DELETE, graceful and not, and deletion of collections.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Call, update};
use crate::cluster::{crd::CLEANUP_FINALIZER, error::ApiError, meta, resource::ObjectKey, store::Writer};

/// Options of a deletion, from the body and the query.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    grace_period: Option<i64>,
    propagation: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    dry_run: bool,
}

impl DeleteOptions {
    /// Reads a `DeleteOptions` body (or null); the query fills what it leaves open.
    pub fn read(call: &Call<'_>, body: &Value) -> Result<Self, ApiError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let orphan = body["orphanDependents"].as_bool().map(|o| if o { "Orphan" } else { "Background" }.to_owned());
        let options = Self {
            grace_period: body["gracePeriodSeconds"].as_i64().or(call.query.grace_period),
            propagation: text(&body["propagationPolicy"]).or(orphan).or_else(|| call.query.propagation.clone()),
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            dry_run: call.query.dry_run || meta::strings(&body["dryRun"]).contains(&"All"),
        };
        match options.propagation.as_deref() {
            None | Some("Orphan" | "Background" | "Foreground") => Ok(options),
            Some(other) => Err(ApiError::bad_request(format!(
                "propagationPolicy: Unsupported value: {other:?}: supported values: \"Foreground\", \"Background\", \
                 \"Orphan\", \"nil\""
            ))),
        }
    }
}

/// What a deletion left.
#[derive(Debug)]
pub enum Deleted {
    /// The object waits for its finalizers or its grace period.
    Pending(Arc<Value>),
    /// The object is gone; this was its last state.
    Gone(Arc<Value>),
}

/// DELETE of the object in the path.
pub fn delete(writer: &mut Writer<'_>, call: &Call<'_>, options: &DeleteOptions) -> Result<Deleted, ApiError> {
    let old = call.existing(writer.state())?;
    check_preconditions(call, options, &old)?;
    Ok(delete_object(writer, call, &call.key(), &old, options))
}

/// DELETE of the objects of a collection that `matches`; returns them.
pub fn delete_collection(
    writer: &mut Writer<'_>,
    call: &Call<'_>,
    options: &DeleteOptions,
    matches: impl Fn(&Value) -> bool,
) -> Vec<Arc<Value>> {
    let found: Vec<(ObjectKey, Arc<Value>)> = writer
        .state()
        .of_resource(&call.resource.storage, call.target.namespace.as_deref())
        .filter(|(_, object)| matches(object))
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect();
    let mut deleted = Vec::new();
    for (key, object) in found {
        deleted.push(match delete_object(writer, call, &key, &object, options) {
            Deleted::Pending(object) | Deleted::Gone(object) => object,
        });
    }
    deleted
}

fn check_preconditions(call: &Call<'_>, options: &DeleteOptions, old: &Value) -> Result<(), ApiError> {
    for (what, wanted, found) in [
        ("UID", &options.uid, meta::uid(old)),
        ("ResourceVersion", &options.resource_version, meta::resource_version(old)),
    ] {
        if let Some(wanted) = wanted
            && wanted != found
        {
            let why = format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}");
            return Err(ApiError::conflict(&call.resource.group_resource(), call.name(), &why));
        }
    }
    Ok(())
}

fn delete_object(
    writer: &mut Writer<'_>,
    call: &Call<'_>,
    key: &ObjectKey,
    old: &Arc<Value>,
    options: &DeleteOptions,
) -> Deleted {
    let mut object = old.as_ref().clone();
    let grace = if key.resource.to_string() == "pods" { pod_grace(old, options) } else { 0 };
    if !meta::is_deleting(old) {
        set_dependents_finalizer(call, &mut object, options);
    }
    mark_deleting(call, &mut object, old, grace, options.grace_period.is_some());
    if object == **old {
        return Deleted::Pending(old.clone());
    }
    if call.resource.builtin().is_some_and(|kind| kind.kind == "Namespace") {
        object["status"]["phase"] = json!("Terminating");
    }
    if options.dry_run {
        return Deleted::Pending(object.into());
    }
    let after = update::commit(writer, key, object);
    if writer.state().get(key).is_some() { Deleted::Pending(after) } else { Deleted::Gone(after) }
}

/// Grace period of a pod in seconds: none if nothing runs yet or any more.
fn pod_grace(pod: &Value, options: &DeleteOptions) -> i64 {
    let scheduled = !pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    let finished = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !scheduled || finished {
        return 0;
    }
    let asked = options.grace_period.or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(30);
    if asked < 0 { 1 } else { asked.min(i64::from(i32::MAX)) }
}

/// Foreground and orphaning deletion leave a finalizer for the garbage collector.
fn set_dependents_finalizer(call: &Call<'_>, object: &mut Value, options: &DeleteOptions) {
    // Jobs of batch/v1 orphan their pods unless told otherwise; so does a real API server.
    let default =
        if call.resource.group == "batch" && call.resource.plural == "jobs" { "Orphan" } else { "Background" };
    let present: Vec<String> = meta::finalizers(object).into_iter().map(str::to_owned).collect();
    let policy = match options.propagation.as_deref() {
        Some(policy) => policy,
        None if present.iter().any(|f| f == "orphan") => "Orphan",
        None if present.iter().any(|f| f == "foregroundDeletion") => "Foreground",
        None => default,
    };
    let mut finalizers: Vec<String> =
        present.into_iter().filter(|f| !matches!(f.as_str(), "orphan" | "foregroundDeletion")).collect();
    match policy {
        "Orphan" => finalizers.push("orphan".to_owned()),
        "Foreground" => finalizers.push("foregroundDeletion".to_owned()),
        _ => {}
    }
    if call.resource.plural == "customresourcedefinitions" {
        // A definition stays until its objects are gone.
        finalizers.push(CLEANUP_FINALIZER.to_owned());
    }
    let metadata = meta::metadata_mut(object);
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), json!(finalizers));
    }
}

/// Sets the deletion time; a later deletion can only shorten the grace period.
fn mark_deleting(call: &Call<'_>, object: &mut Value, old: &Value, grace: i64, grace_is_explicit: bool) {
    let before = old["metadata"]["deletionGracePeriodSeconds"].as_i64();
    let seconds = |n: i64| Duration::from_secs(n.unsigned_abs());
    let at = match (meta::parse_time(&old["metadata"]["deletionTimestamp"]), before) {
        (Some(_), Some(before)) if !(grace_is_explicit || grace == 0) || grace >= before => return,
        (Some(at), Some(before)) => at.saturating_sub(seconds(before)).unwrap_or(call.now),
        _ => call.now,
    };
    let at = at.saturating_add(seconds(grace)).unwrap_or(call.now);
    let generation = meta::generation(old);
    let metadata = meta::metadata_mut(object);
    metadata.insert("deletionTimestamp".to_owned(), json!(meta::time(at)));
    metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
    if generation > 0 && before.is_none() {
        metadata.insert("generation".to_owned(), json!(generation + 1));
    }
}
