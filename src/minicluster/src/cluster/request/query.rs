//! The options of a query string.

use crate::cluster::{error::ApiError, selector::LabelSelector};

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
pub(super) const LONGEST_WATCH: u64 = i32::MAX as u64;

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

pub(super) fn percent_decode(text: &str) -> String {
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
