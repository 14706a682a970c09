//! GET and LIST.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Call;
use crate::cluster::{error::ApiError, request::Query, resource::ObjectKey, selector::FieldSelector, state::State};

/// A collection at one revision.
#[derive(Debug)]
pub struct Page {
    /// Revision of the collection.
    pub revision: u64,
    /// The objects, as stored.
    pub objects: Vec<Arc<Value>>,
    /// Token of the next page.
    pub continue_token: Option<String>,
    /// Objects after this page, where that is known.
    pub remaining: Option<usize>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Token {
    rv: u64,
    after: (String, String),
}

/// The selectors of a call.
#[derive(Clone, Debug)]
pub struct Selection {
    query: Query,
    fields: FieldSelector,
    namespace: Option<String>,
    name: Option<String>,
}

impl Selection {
    /// The selectors of a list, a watch or the deletion of a collection.
    pub fn of(call: &Call<'_>) -> Result<Self, ApiError> {
        let extra = call.resource.custom().and_then(|c| c.version(call.version)).map(|v| v.selectable.as_slice());
        let fields = FieldSelector::parse(&call.query.fields, &call.resource.plural, extra.unwrap_or_default())?;
        let namespace = call.target.namespace.clone();
        Ok(Self { query: call.query.clone(), fields, namespace, name: call.target.name.clone() })
    }

    /// Whether a stored object of the right resource is selected.
    pub fn matches(&self, object: &Value) -> bool {
        let at = |field: &str| super::meta::text(object, field);
        self.namespace.as_deref().is_none_or(|n| n == at("namespace"))
            && self.name.as_deref().is_none_or(|n| n == at("name"))
            && self.query.labels.matches(&object["metadata"]["labels"])
            && self.fields.matches(object)
    }

    /// Whether nothing but the collection itself narrows the selection.
    fn is_plain(&self) -> bool {
        self.query.labels.is_everything() && self.query.fields.is_empty()
    }
}

/// GET.
pub fn get(state: &State, call: &Call<'_>) -> Result<Arc<Value>, ApiError> {
    check_not_future(state, call.query.version_number()?)?;
    call.existing(state)
}

/// LIST.
pub fn list(state: &State, call: &Call<'_>) -> Result<Page, ApiError> {
    let selection = Selection::of(call)?;
    let wanted = call.query.version_number()?;
    check_not_future(state, wanted)?;
    let (revision, after) = match &call.query.continue_token {
        Some(token) => {
            let token = decode_token(token)?;
            (token.rv, Some(token.after))
        }
        None => match (wanted, call.query.version_match.as_deref()) {
            (Some(exact), Some("Exact")) => (exact, None),
            _ => (state.revision(), None),
        },
    };
    if revision < state.compacted() {
        let why = "The provided continue parameter is too old to display a consistent list result. You can start a \
                   new list without the continue parameter.";
        return Err(ApiError::expired(why));
    }
    let namespace = call.target.namespace.as_deref();
    let past;
    let all: Box<dyn Iterator<Item = (&ObjectKey, &Arc<Value>)>> = if revision == state.revision() {
        Box::new(state.of_resource(&call.resource.storage, namespace))
    } else {
        past = state.of_resource_at(revision, &call.resource.storage, namespace);
        Box::new(past.iter())
    };
    let is_after = |key: &ObjectKey| after.as_ref().is_none_or(|(ns, name)| (&key.namespace, &key.name) > (ns, name));
    let mut rest = all.filter(|(key, object)| is_after(key) && selection.matches(object)).peekable();
    let limit = if call.query.limit == 0 { usize::MAX } else { call.query.limit };
    let mut objects = Vec::new();
    let mut last = None;
    while objects.len() < limit
        && let Some((key, object)) = rest.next()
    {
        objects.push(object.clone());
        last = Some((key.namespace.clone(), key.name.clone()));
    }
    let more = rest.peek().is_some();
    let remaining = (more && selection.is_plain()).then(|| rest.count());
    let continue_token = last.filter(|_| more).map(|after| encode_token(&Token { rv: revision, after }));
    Ok(Page { revision, objects, continue_token, remaining })
}

/// The body of a list.
pub fn list_body(call: &Call<'_>, page: &Page) -> Value {
    let builtin = call.resource.builtin().is_some();
    let items: Vec<Value> = page
        .objects
        .iter()
        .map(|object| {
            let mut item = call.present(object);
            if let Some(map) = item.as_object_mut().filter(|_| builtin) {
                // Items of typed lists do not repeat their type.
                map.remove("apiVersion");
                map.remove("kind");
            }
            item
        })
        .collect();
    json!({
        "kind": call.resource.list_kind, "apiVersion": call.api_version(),
        "metadata": list_metadata(page), "items": items,
    })
}

/// `metadata` of a list.
pub fn list_metadata(page: &Page) -> Value {
    let mut metadata = json!({ "resourceVersion": page.revision.to_string() });
    if let Some(token) = &page.continue_token {
        metadata["continue"] = json!(token);
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    metadata
}

/// A resourceVersion this server has not reached yet is answered with a timeout.
pub fn check_not_future(state: &State, wanted: Option<u64>) -> Result<(), ApiError> {
    match wanted {
        Some(wanted) if wanted > state.revision() => Err(ApiError::too_large_version(wanted, state.revision())),
        _ => Ok(()),
    }
}

fn encode_token(token: &Token) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default())
}

fn decode_token(text: &str) -> Result<Token, ApiError> {
    let bad = || ApiError::bad_request("continue key is not valid");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    serde_json::from_slice(&bytes).map_err(|_| bad())
}
