//! How the lists and maps of an object merge: by the schema of a custom resource, or by field name for the
//! compiled-in kinds.

use serde_json::Value;

use super::meta;

/// Lists of compiled-in kinds that are maps in disguise: field name and keys. A name with several entries is decided
/// by the first whose keys the items have.
const KEYED: &[(&str, &[&str])] = &[
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("imagePullSecrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("ports", &["containerPort", "protocol"]),
    ("ports", &["port", "protocol"]),
    ("ownerReferences", &["uid"]),
    ("podIPs", &["ip"]),
    ("addresses", &["type"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
];

/// Lists of compiled-in kinds that are sets.
const SETS: &[&str] = &["finalizers"];

/// Maps of compiled-in kinds that are replaced as a whole.
const ATOMIC_MAPS: &[&str] =
    &["selector", "nodeSelector", "fieldRef", "configMapKeyRef", "secretKeyRef", "involvedObject"];

/// Merge behaviour of the value at one position.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// A position in a custom object, with the schema there.
    Schema(&'a Value),
    /// The root of a custom object: metadata merges as everywhere.
    CustomRoot(&'a Value),
    /// A position in a compiled-in kind, with the name of the field.
    Builtin(&'a str),
}

const NO_SCHEMA: &Value = &Value::Null;

impl<'a> Shape<'a> {
    /// The root of a compiled-in kind.
    pub fn builtin() -> Self {
        Self::Builtin("")
    }

    /// The position of field `name` in this map.
    pub fn field(&self, name: &'a str) -> Shape<'a> {
        match *self {
            Self::CustomRoot(_) if name == "metadata" => Self::Builtin(name),
            Self::CustomRoot(schema) | Self::Schema(schema) => {
                let known = schema["properties"].get(name);
                Self::Schema(known.unwrap_or_else(|| schema.get("additionalProperties").unwrap_or(NO_SCHEMA)))
            }
            Self::Builtin(_) => Self::Builtin(name),
        }
    }

    /// The position of an item of this list.
    pub fn item(&self) -> Shape<'a> {
        match *self {
            Self::Schema(schema) | Self::CustomRoot(schema) => Self::Schema(schema.get("items").unwrap_or(NO_SCHEMA)),
            Self::Builtin(_) => Self::Builtin(""),
        }
    }

    /// The keys by which items of this list are told apart, if it is such a list.
    pub fn list_keys<'v>(&self, mut items: impl Iterator<Item = &'v Value>) -> Option<Vec<&'a str>> {
        match *self {
            Self::Schema(schema) | Self::CustomRoot(schema) => (schema["x-kubernetes-list-type"] == "map")
                .then(|| meta::strings(&schema["x-kubernetes-list-map-keys"])),
            Self::Builtin(name) => {
                let mut candidates = KEYED.iter().filter(|(field, _)| *field == name).map(|(_, keys)| *keys);
                let first = candidates.next()?;
                let chosen = match (candidates.next(), items.next()) {
                    (Some(second), Some(item)) if item.get(first[0]).is_none() => second,
                    _ => first,
                };
                Some(chosen.to_vec())
            }
        }
    }

    /// Whether this list is a set of scalars.
    pub fn is_set(&self) -> bool {
        match *self {
            Self::Schema(schema) | Self::CustomRoot(schema) => schema["x-kubernetes-list-type"] == "set",
            Self::Builtin(name) => SETS.contains(&name),
        }
    }

    /// Whether this map is owned and replaced as a whole.
    pub fn is_atomic_map(&self) -> bool {
        match *self {
            Self::Schema(schema) | Self::CustomRoot(schema) => schema["x-kubernetes-map-type"] == "atomic",
            Self::Builtin(name) => ATOMIC_MAPS.contains(&name),
        }
    }
}

/// The identity of a list item under `keys`. A port without a protocol is a TCP port.
pub fn identity(item: &Value, keys: &[&str]) -> Value {
    let of = |key: &str| match item.get(key) {
        None if key == "protocol" => Value::from("TCP"),
        found => found.cloned().unwrap_or_default(),
    };
    keys.iter().map(|key| ((*key).to_owned(), of(key))).collect()
}
