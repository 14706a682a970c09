//! Validation of names, labels and namespaces, with the messages of apimachinery's `validation` package.

use serde_json::{Value, json};

use super::{error::Cause, meta, resource::ResourceType};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// Whether `text` is a DNS-1123 label of at most 63 characters.
pub fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 63 && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether `text` is a DNS-1123 subdomain of at most 253 characters.
pub fn is_subdomain(text: &str) -> bool {
    let part = |p: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !p.is_empty() && p.chars().all(inner) && !p.starts_with('-') && !p.ends_with('-')
    };
    !text.is_empty() && text.len() <= 253 && text.split('.').all(part)
}

fn is_name_part(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && text.chars().all(inner) && edge(text.chars().next()) && edge(text.chars().next_back())
}

/// Whether `text` is a qualified name such as a label key: an optional subdomain prefix, `/`, and a name part.
pub fn is_qualified(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name_part(name),
        None => is_name_part(text),
    }
}

/// Whether `text` is a label value.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name_part(text)
}

/// Checks `metadata` of an object that is about to be stored under `resource`.
pub fn validate_metadata(resource: &ResourceType, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = meta::name(object);
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if matches!(resource.plural.as_str(), "namespaces" | "services") && resource.group.is_empty() {
        if !is_label(name) {
            causes.push(Cause::invalid("metadata.name", &json!(name), LABEL));
        }
    } else if !is_subdomain(name) {
        causes.push(Cause::invalid("metadata.name", &json!(name), SUBDOMAIN));
    }
    for (field, check_value) in [("labels", true), ("annotations", false)] {
        causes.extend(validate_map(&format!("metadata.{field}"), &object["metadata"][field], check_value));
    }
    for (i, owner) in meta::owner_references(object).iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                let path = format!("metadata.ownerReferences[{i}].{field}");
                causes.push(Cause { reason: "FieldValueInvalid", ..Cause::required(path, "must not be empty") });
            }
        }
    }
    if meta::owner_references(object).iter().filter(|o| o["controller"] == json!(true)).count() > 1 {
        let detail = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid("metadata.ownerReferences", &json!([]), detail));
    }
    for finalizer in meta::finalizers(object) {
        if !is_qualified(finalizer) {
            causes.push(Cause::invalid("metadata.finalizers", &json!(finalizer), QUALIFIED));
        }
    }
    causes
}

/// Checks the keys and, for labels, the values of a string map.
pub fn validate_map(path: &str, map: &Value, check_values: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in map.as_object().into_iter().flatten() {
        // Annotation keys are compared in lower case, label keys are not.
        let checked = if check_values { key.clone() } else { key.to_ascii_lowercase() };
        if !is_qualified(&checked) {
            causes.push(Cause::invalid(path, &json!(key), QUALIFIED));
        }
        if check_values && !value.as_str().is_some_and(is_label_value) {
            causes.push(Cause::invalid(path, value, LABEL_VALUE));
        }
    }
    causes
}

/// Appends five characters to a generateName prefix, from the alphabet the real server uses.
pub fn generate(prefix: &str, random: &mut impl rand::Rng) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let kept: String = prefix.chars().take(58).collect();
    let suffix = (0..5).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
    kept.chars().chain(suffix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dns_1123() {
        for good in ["a", "a-1", "a.b", "1"] {
            assert!(is_subdomain(good), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", &"a".repeat(254)] {
            assert!(!is_subdomain(bad), "{bad}");
        }
        assert!(is_qualified("genesis.truth.si/model") && !is_qualified("UPPER.com/x") && is_qualified("App"));
        assert!(is_label_value("") && is_label_value("A_b.c") && !is_label_value("a b"));
    }

    #[test]
    fn generated_names_stay_within_a_label() {
        let mut random = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(1);
        let name = generate(&format!("{}-", "x".repeat(80)), &mut random);
        assert_eq!(name.len(), 63);
    }
}
