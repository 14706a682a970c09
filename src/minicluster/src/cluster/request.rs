//! What a request asks for: the path, the verb and the options of its query.

use http::Method;

use super::{error::ApiError, selector::LabelSelector};

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

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while i < bytes.len() {
        let hex = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        let decoded = hex.and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(decoded.unwrap_or(bytes[i]));
        i += if decoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// How strictly unknown fields are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Dropped in silence.
    Ignore,
    /// Dropped with a `Warning` header; the default.
    #[default]
    Warn,
    /// Refused.
    Strict,
}

/// The longest `timeoutSeconds` that counts: a watch that is to last longer lasts as long as its connection.
const LONGEST_WATCH: u64 = i32::MAX as u64;

/// Options of the query string, for all verbs.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// `watch`.
    pub watch: bool,
    /// `labelSelector`.
    pub labels: LabelSelector,
    /// `fieldSelector`, parsed later because the fields depend on the resource.
    pub fields: String,
    /// `limit`; 0 is none.
    pub limit: usize,
    /// `continue`.
    pub continue_token: Option<String>,
    /// `resourceVersion`.
    pub resource_version: Option<String>,
    /// `resourceVersionMatch`.
    pub version_match: Option<String>,
    /// `allowWatchBookmarks`.
    pub bookmarks: bool,
    /// `sendInitialEvents`.
    pub initial_events: bool,
    /// `timeoutSeconds`.
    pub timeout_seconds: Option<u64>,
    /// `dryRun=All`.
    pub dry_run: bool,
    /// `fieldManager`.
    pub field_manager: Option<String>,
    /// `fieldValidation`.
    pub field_validation: FieldValidation,
    /// `force` of server-side apply.
    pub force: bool,
    /// `gracePeriodSeconds` of a deletion.
    pub grace_period: Option<i64>,
    /// `propagationPolicy` of a deletion.
    pub propagation: Option<String>,
}

impl Query {
    /// Parses a query string; unknown options are ignored, as by a real server.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode(&value.replace('+', " "));
            let flag = matches!(value.as_str(), "true" | "1" | "");
            match key {
                "watch" => query.watch = flag,
                "labelSelector" => query.labels = LabelSelector::parse(&value)?,
                "fieldSelector" => query.fields = value,
                "limit" => query.limit = usize::try_from(count("limit", &value)?).unwrap_or(usize::MAX),
                "continue" => query.continue_token = Some(value).filter(|v| !v.is_empty()),
                "resourceVersion" => query.resource_version = Some(value).filter(|v| !v.is_empty()),
                "resourceVersionMatch" => query.version_match = Some(value).filter(|v| !v.is_empty()),
                "allowWatchBookmarks" => query.bookmarks = flag,
                "sendInitialEvents" => query.initial_events = flag,
                "timeoutSeconds" => query.timeout_seconds = Some(count("timeoutSeconds", &value)?.min(LONGEST_WATCH)),
                "dryRun" if value == "All" => query.dry_run = true,
                "dryRun" => return Err(ApiError::bad_request(format!("invalid dryRun {value:?}: must be \"All\""))),
                "fieldManager" => query.field_manager = Some(value).filter(|v| !v.is_empty()),
                "fieldValidation" => query.field_validation = field_validation(&value)?,
                "force" => query.force = flag,
                "gracePeriodSeconds" => query.grace_period = Some(number("gracePeriodSeconds", &value)?),
                "propagationPolicy" => query.propagation = Some(value),
                "orphanDependents" => {
                    query.propagation = Some(if flag { "Orphan" } else { "Background" }.to_owned());
                }
                _ => {}
            }
        }
        Ok(query)
    }

    /// `resourceVersion` as a number; `None` when unset.
    pub fn version_number(&self) -> Result<Option<u64>, ApiError> {
        let parse =
            |v: &String| v.parse().map_err(|_| ApiError::bad_request(format!("invalid resource version {v:?}")));
        self.resource_version.as_ref().map(parse).transpose()
    }
}

/// A number that may not be negative.
fn count(name: &str, value: &str) -> Result<u64, ApiError> {
    let number = number(name, value)?;
    u64::try_from(number).map_err(|_| ApiError::bad_request(format!("invalid {name} {value:?}: must not be negative")))
}

fn number(name: &str, value: &str) -> Result<i64, ApiError> {
    value.parse().map_err(|_| ApiError::bad_request(format!("invalid {name} {value:?}: must be a whole number")))
}

fn field_validation(value: &str) -> Result<FieldValidation, ApiError> {
    match value {
        "" | "Warn" => Ok(FieldValidation::Warn),
        "Ignore" => Ok(FieldValidation::Ignore),
        "Strict" => Ok(FieldValidation::Strict),
        other => Err(ApiError::bad_request(format!(
            "fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
        ))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_target() {
        let parse = |path| match route(path) {
            Ok(Route::Objects(t)) => {
                let opt = |o: Option<String>| o.unwrap_or_else(|| "-".into());
                format!(
                    "{}/{} {} {} {} {}",
                    t.group,
                    t.version,
                    t.plural,
                    opt(t.namespace),
                    opt(t.name),
                    opt(t.subresource)
                )
            }
            other => format!("{other:?}"),
        };
        assert_eq!(parse("/api/v1/pods"), "/v1 pods - - -");
        assert_eq!(parse("/api/v1/namespaces/d/pods/p/status"), "/v1 pods d p status");
        assert_eq!(parse("/api/v1/namespaces/d/status"), "/v1 namespaces - d status");
        assert_eq!(parse("/apis/batch/v1/namespaces/d/jobs"), "batch/v1 jobs d - -");
        assert_eq!(parse("/apis/example.com/v1/globes/g/status"), "example.com/v1 globes - g status");
        assert!(route("/nowhere").is_err());
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("labelSelector=app%3Dweb%2Ctier&limit=5&watch=1&dryRun=All").unwrap();
        assert!(query.labels.matches(&serde_json::json!({ "app": "web", "tier": "x" })));
        assert_eq!((query.limit, query.watch, query.dry_run), (5, true, true));
        for bad in ["limit=many", "limit=-1", "timeoutSeconds=-1"] {
            assert_eq!(Query::parse(bad).unwrap_err().status()["code"], 400, "{bad}");
        }
        let longest = Query::parse(&format!("timeoutSeconds={}", i64::MAX)).unwrap();
        assert_eq!(longest.timeout_seconds, Some(LONGEST_WATCH));
    }
}
