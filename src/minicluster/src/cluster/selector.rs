//! Label and field selectors.

use serde_json::Value;

use super::{error::ApiError, names};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A parsed label selector; all requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Parses the query form: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let bad = |why: &str| ApiError::bad_request(format!("unable to parse requirement: {why} in {text:?}"));
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let requirement = if let Some((key, values)) = part.split_once(" notin ") {
                Requirement::NotIn(key.trim().to_owned(), set(values).ok_or_else(|| bad("expected '('"))?)
            } else if let Some((key, values)) = part.split_once(" in ") {
                Requirement::In(key.trim().to_owned(), set(values).ok_or_else(|| bad("expected '('"))?)
            } else if let Some((key, value)) = part.split_once("!=") {
                Requirement::NotIn(key.trim().to_owned(), vec![value.trim().to_owned()])
            } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                Requirement::In(key.trim().to_owned(), vec![value.trim().to_owned()])
            } else if let Some(key) = part.strip_prefix('!') {
                Requirement::Absent(key.trim().to_owned())
            } else {
                Requirement::Exists(part.to_owned())
            };
            requirements.push(requirement);
        }
        let selector = Self(requirements);
        match selector.0.iter().find(|r| !r.is_valid()) {
            Some(wrong) => Err(bad(&format!("invalid key or value {wrong:?}"))),
            None => Ok(selector),
        }
    }

    /// Reads a `metav1.LabelSelector`.
    ///
    /// # Errors
    /// Names an operator that does not exist.
    pub fn from_json(selector: &Value) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            requirements.push(Requirement::In(key.clone(), vec![value.as_str().unwrap_or_default().to_owned()]));
        }
        for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            let values = super::meta::strings(&expression["values"]).into_iter().map(str::to_owned).collect();
            requirements.push(match expression["operator"].as_str().unwrap_or_default() {
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::Absent(key),
                other => return Err(format!("{other:?} is not a valid label selector operator")),
            });
        }
        Ok(Self(requirements))
    }

    /// Whether every object matches.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a labels map (or null) matches.
    pub fn matches(&self, labels: &Value) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let value = |key: &String| labels.get(key).and_then(Value::as_str);
        match self {
            Self::In(key, values) => value(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Self::NotIn(key, values) => value(key).is_none_or(|v| values.iter().all(|w| w != v)),
            Self::Exists(key) => value(key).is_some(),
            Self::Absent(key) => value(key).is_none(),
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            Self::In(key, values) | Self::NotIn(key, values) => {
                names::is_qualified(key) && values.iter().all(|v| names::is_label_value(v))
            }
            Self::Exists(key) | Self::Absent(key) => names::is_qualified(key),
        }
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn set(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some(inner.split(',').map(|v| v.trim().to_owned()).collect())
}

/// A parsed field selector: equality on the paths the resource supports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<(String, bool, String)>);

/// Fields each resource can be selected by, beyond `metadata.name` and `metadata.namespace`.
const SELECTABLE: [(&str, &[&str]); 6] = [
    (
        "pods",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
    ),
    (
        "events",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    ("namespaces", &["status.phase"]),
    ("secrets", &["type"]),
    ("nodes", &["spec.unschedulable"]),
    ("jobs", &["status.successful"]),
];

impl FieldSelector {
    /// Parses `metadata.name=a,spec.nodeName!=b` for `resource` (plural), which may define further `extra` fields.
    pub fn parse(text: &str, resource: &str, extra: &[String]) -> Result<Self, ApiError> {
        let supported = SELECTABLE.iter().find(|(name, _)| *name == resource).map_or(&[][..], |(_, fields)| *fields);
        let mut terms = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (field, equal, value) = if let Some((field, value)) = part.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (field, true, value)
            } else {
                let why = format!("invalid field selector {text:?}; can't understand {part:?}");
                return Err(ApiError::bad_request(why));
            };
            // events.k8s.io selects by its own names for the same fields.
            let field = field.replace("regarding.", "involvedObject.");
            let known = matches!(field.as_str(), "metadata.name" | "metadata.namespace")
                || supported.contains(&field.as_str())
                || extra.contains(&field);
            if !known {
                return Err(ApiError::bad_request(format!("field label not supported: {field}")));
            }
            terms.push((field, equal, value.to_owned()));
        }
        Ok(Self(terms))
    }

    /// Whether an object matches; an absent field counts as the empty string.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(path, equal, wanted)| {
            let found = path.split('.').try_fold(object, |at, key| at.get(key));
            let same = match found {
                Some(Value::String(text)) => text == wanted,
                Some(Value::Null) | None => wanted.is_empty() || (path == "spec.unschedulable" && wanted == "false"),
                Some(other) => &other.to_string() == wanted,
            };
            same == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors() {
        let labels = json!({ "app": "web", "tier": "front" });
        for (text, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("app in (web, api)", true),
            ("app notin (web)", false),
            ("missing notin (web)", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("app in (a,b),tier", false),
        ] {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&labels), expected, "{text}");
        }
        assert!(LabelSelector::parse("a b=c").is_err());
    }

    #[test]
    fn field_selectors() {
        let pod = json!({ "metadata": { "name": "p" }, "spec": { "nodeName": "" }, "status": { "phase": "Running" } });
        for (text, expected) in [("metadata.name=p", true), ("spec.nodeName=", true), ("status.phase!=Running", false)]
        {
            assert_eq!(FieldSelector::parse(text, "pods", &[]).unwrap().matches(&pod), expected, "{text}");
        }
        let error = FieldSelector::parse("spec.x=1", "pods", &[]).unwrap_err();
        assert_eq!(error.message, "field label not supported: spec.x");
    }
}
