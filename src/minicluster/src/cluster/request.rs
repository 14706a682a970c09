//! What a request asks for: the path, the verb and the options of its query.

#[cfg(test)]
mod tests;

mod query;

use http::Method;

use query::percent_decode;
pub use query::{FieldValidation, Query};

use super::error::ApiError;

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/healthz`, `/livez`, `/readyz` and what is below them.
    Health,
    /// `/version`.
    Version,
    /// `/api`: versions of the core group.
    CoreVersions,
    /// `/apis`: the groups.
    Groups,
    /// `/apis/<group>`.
    Group(String),
    /// `/api/v1` or `/apis/<group>/<version>`: the resources.
    Resources(String, String),
    /// `/openapi/v3` (`None`) or one of its documents.
    OpenApi(Option<String>),
    /// Objects.
    Objects(Target),
}

/// Objects a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// API group, empty for core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Plural resource name.
    pub plural: String,
    /// Namespace in the path.
    pub namespace: Option<String>,
    /// Name in the path.
    pub name: Option<String>,
    /// Subresource in the path.
    pub subresource: Option<String>,
}

/// Parses a request path.
pub fn route(path: &str) -> Result<Route, ApiError> {
    let decoded: Vec<String> = path.split('/').filter(|p| !p.is_empty()).map(percent_decode).collect();
    let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => Ok(Route::Health),
        ["version"] => Ok(Route::Version),
        ["api"] => Ok(Route::CoreVersions),
        ["apis"] => Ok(Route::Groups),
        ["openapi", "v3"] => Ok(Route::OpenApi(None)),
        ["openapi", "v3", rest @ ..] => Ok(Route::OpenApi(Some(rest.join("/")))),
        ["api", version] => Ok(Route::Resources(String::new(), (*version).to_owned())),
        ["apis", group] => Ok(Route::Group((*group).to_owned())),
        ["apis", group, version] => Ok(Route::Resources((*group).to_owned(), (*version).to_owned())),
        ["api", version, rest @ ..] => target("", version, rest),
        ["apis", group, version, rest @ ..] => target(group, version, rest),
        _ => Err(ApiError::unknown_path()),
    }
}

fn target(group: &str, version: &str, rest: &[&str]) -> Result<Route, ApiError> {
    let own = |s: &&str| Some((**s).to_owned());
    let base = Target { group: group.to_owned(), version: version.to_owned(), ..Target::default() };
    let namespaces = |name: Option<String>, subresource: Option<String>| Target {
        plural: "namespaces".to_owned(),
        name,
        subresource,
        ..base.clone()
    };
    let found = match rest {
        // Both a namespace object's subresource and a collection in a namespace look like this.
        ["namespaces", name, sub @ ("status" | "finalize")] if group.is_empty() => namespaces(own(name), own(sub)),
        ["namespaces"] => namespaces(None, None),
        ["namespaces", name] => namespaces(own(name), None),
        ["namespaces", namespace, plural] => Target { plural: (*plural).to_owned(), namespace: own(namespace), ..base },
        ["namespaces", namespace, plural, name] => {
            Target { plural: (*plural).to_owned(), namespace: own(namespace), name: own(name), ..base }
        }
        ["namespaces", namespace, plural, name, sub] => Target {
            plural: (*plural).to_owned(),
            namespace: own(namespace),
            name: own(name),
            subresource: own(sub),
            ..base
        },
        [plural] => Target { plural: (*plural).to_owned(), ..base },
        [plural, name] => Target { plural: (*plural).to_owned(), name: own(name), ..base },
        [plural, name, sub] => Target { plural: (*plural).to_owned(), name: own(name), subresource: own(sub), ..base },
        _ => return Err(ApiError::unknown_path()),
    };
    Ok(Route::Objects(found))
}

/// What a request does to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read a collection.
    List,
    /// Follow a collection.
    Watch,
    /// Add an object.
    Create,
    /// Replace an object.
    Update,
    /// Change an object in part.
    Patch,
    /// Remove an object.
    Delete,
    /// Remove a collection.
    DeleteCollection,
}

impl Verb {
    /// The verb of a method on a target.
    pub fn of(method: &Method, target: &Target, watch: bool) -> Option<Self> {
        match (method.as_str(), target.name.is_some()) {
            ("GET", _) if watch => Some(Self::Watch),
            ("GET" | "HEAD", true) => Some(Self::Get),
            ("GET" | "HEAD", false) => Some(Self::List),
            ("POST", _) => Some(Self::Create),
            ("PUT", true) => Some(Self::Update),
            ("PATCH", true) => Some(Self::Patch),
            ("DELETE", true) => Some(Self::Delete),
            ("DELETE", false) => Some(Self::DeleteCollection),
            _ => None,
        }
    }

    /// Whether the verb can change something.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}
