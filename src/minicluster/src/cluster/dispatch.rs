//! From a verb on a target to the operation on the store.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    error::ApiError,
    meta,
    ops::{
        Call, Written, create,
        delete::{self, DeleteOptions, Deleted},
        patch::{self, PatchType},
        read::{self, Page, Selection},
        subresources, update,
    },
    request::Verb,
    state::State,
    store::{Store, Writer},
};

/// What is answered.
#[derive(Debug)]
pub enum Answer {
    /// A stored object, to be represented as the client wants it.
    Object {
        /// The object.
        object: Arc<Value>,
        /// HTTP status.
        status: StatusCode,
        /// Texts for `Warning` headers.
        warnings: Vec<String>,
    },
    /// A page of a list.
    Page(Page),
    /// A finished body.
    Raw(StatusCode, Value),
}

impl Answer {
    fn object(object: Arc<Value>) -> Self {
        Self::Object { object, status: StatusCode::OK, warnings: Vec::new() }
    }
}

impl From<Written> for Answer {
    fn from(written: Written) -> Self {
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        Self::Object { object: written.object, status, warnings: written.warnings }
    }
}

/// Runs `verb` and returns the answer with the revision it rests on.
pub fn run(
    store: &Store,
    call: &Call<'_>,
    verb: Verb,
    content_type: &str,
    body: &[u8],
) -> (Result<Answer, ApiError>, u64) {
    if verb.is_write() {
        store.write(|writer| {
            let answer = write(writer, call, verb, content_type, body);
            (answer, writer.state().revision())
        })
    } else {
        store.read(|state| (read_only(state, call, verb), state.revision()))
    }
}

fn read_only(state: &State, call: &Call<'_>, verb: Verb) -> Result<Answer, ApiError> {
    match (verb, call.subresource()) {
        (Verb::Get, "") => read::get(state, call).map(Answer::object),
        (Verb::Get, "status") if call.has_status() => read::get(state, call).map(Answer::object),
        (Verb::Get, "scale") => {
            let scale = subresources::scale(call, &*read::get(state, call)?)?;
            Ok(Answer::Raw(StatusCode::OK, scale))
        }
        (Verb::List, "") => read::list(state, call).map(Answer::Page),
        _ => Err(ApiError::unknown_path()),
    }
}

fn write(
    writer: &mut Writer<'_>,
    call: &Call<'_>,
    verb: Verb,
    content_type: &str,
    body: &[u8],
) -> Result<Answer, ApiError> {
    match (verb, call.subresource()) {
        (Verb::Create, "") => {
            if call.target.name.is_some() {
                return Err(ApiError::method_not_allowed());
            }
            create::create(writer, call, decode(content_type, body)?).map(Answer::from)
        }
        (Verb::Update, "") => update::update(writer, call, decode(content_type, body)?).map(Answer::from),
        (Verb::Update, "status") if call.has_status() => {
            update::update(writer, call, decode(content_type, body)?).map(Answer::from)
        }
        (Verb::Update, "finalize") => {
            subresources::finalize(writer, call, &decode(content_type, body)?).map(Answer::from)
        }
        (Verb::Patch, sub) if sub.is_empty() || (sub == "status" && call.has_status()) => {
            let kind = PatchType::of(content_type)?;
            let format = if kind == PatchType::Apply { "application/yaml" } else { "application/json" };
            patch::patch(writer, call, kind, decode(format, body)?).map(Answer::from)
        }
        (Verb::Update | Verb::Patch, "scale") => set_scale(writer, call, verb, body),
        (Verb::Create, "binding") => {
            subresources::bind(writer, call, &decode(content_type, body)?)?;
            Ok(success(StatusCode::CREATED))
        }
        (Verb::Create, "eviction") => {
            subresources::evict(writer, call, &decode(content_type, body)?)?;
            Ok(success(StatusCode::CREATED))
        }
        (Verb::Delete, "") => {
            let options = DeleteOptions::read(call, &decode(content_type, body)?)?;
            Ok(deleted(call, delete::delete(writer, call, &options)?))
        }
        (Verb::DeleteCollection, "") => {
            let options = DeleteOptions::read(call, &decode(content_type, body)?)?;
            let selection = Selection::of(call)?;
            let objects = delete::delete_collection(writer, call, &options, |o| selection.matches(o));
            let revision = writer.state().revision();
            Ok(Answer::Page(Page { revision, objects, continue_token: None, remaining: None }))
        }
        _ => Err(ApiError::unknown_path()),
    }
}

fn set_scale(writer: &mut Writer<'_>, call: &Call<'_>, verb: Verb, body: &[u8]) -> Result<Answer, ApiError> {
    let body = decode("application/json", body)?;
    let mut scale = subresources::scale(call, &*call.existing(writer.state())?)?;
    if verb == Verb::Patch {
        super::merge::merge(&mut scale, &body);
    } else {
        scale = body;
    }
    let object = subresources::set_scale(writer, call, &scale)?;
    Ok(Answer::Raw(StatusCode::OK, subresources::scale(call, &object)?))
}

/// A finished deletion answers with a status, but for the few kinds whose last state is returned.
fn deleted(call: &Call<'_>, deleted: Deleted) -> Answer {
    let returns_object = call.resource.group.is_empty()
        && matches!(call.resource.plural.as_str(), "pods" | "namespaces" | "services" | "serviceaccounts");
    match deleted {
        Deleted::Pending(object) => Answer::object(object),
        Deleted::Gone(object) if returns_object => Answer::object(object),
        Deleted::Gone(object) => {
            let mut details = json!({
                "name": meta::name(&object), "kind": call.resource.plural, "uid": meta::uid(&object),
            });
            if !call.resource.group.is_empty() {
                details["group"] = json!(call.resource.group);
            }
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            });
            Answer::Raw(StatusCode::OK, status)
        }
    }
}

fn success(code: StatusCode) -> Answer {
    let status =
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code.as_u16() });
    Answer::Raw(code, status)
}

/// Decodes a JSON or YAML body; an empty one is null.
fn decode(content_type: &str, body: &[u8]) -> Result<Value, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    match content_type.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" | "*/*" => serde_json::from_slice(body)
            .map_err(|e| ApiError::bad_request(format!("the object provided is unrecognized: {e}"))),
        "application/yaml" => {
            serde_yaml::from_slice(body).map_err(|e| ApiError::bad_request(format!("error decoding YAML: {e}")))
        }
        other => Err(ApiError::unsupported_media_type(format!(
            "the body of the request was in an unknown format {other:?} - accepted media types include: \
             application/json, application/yaml"
        ))),
    }
}
