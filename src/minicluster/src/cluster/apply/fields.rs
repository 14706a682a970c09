//! Sets of field paths in the `FieldsV1` notation: `f:<field>`, `k:<keys of a list item>`, `v:<value of a set>`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cluster::shape::{Shape, identity};

/// A trie of owned fields. A node is owned itself (`.`), or only lies on the way to owned ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    owned: bool,
    children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// The fields an object names.
    pub fn of(object: &Value, shape: &Shape<'_>) -> Self {
        let mut set = Self::default();
        let Value::Object(map) = object else { return set };
        for (key, value) in map {
            set.children.insert(format!("f:{key}"), Self::of_value(value, &shape.field(key)));
        }
        set
    }

    fn of_value(value: &Value, shape: &Shape<'_>) -> Self {
        let leaf = Self { owned: true, children: BTreeMap::new() };
        match value {
            Value::Object(map) if !map.is_empty() && !shape.is_atomic_map() => Self::of(value, shape),
            Value::Array(items) if !items.is_empty() => {
                let mut set = Self::default();
                if let Some(keys) = shape.list_keys(items.iter()) {
                    for item in items {
                        let fields = Self { owned: true, ..Self::of(item, &shape.item()) };
                        set.children.insert(format!("k:{}", identity(item, &keys)), fields);
                    }
                } else if shape.is_set() {
                    set.children.extend(items.iter().map(|item| (format!("v:{item}"), leaf.clone())));
                } else {
                    return leaf;
                }
                set
            }
            _ => leaf,
        }
    }

    /// Reads `fieldsV1`.
    pub fn from_json(fields: &Value) -> Self {
        let map = fields.as_object();
        let is_leaf = map.is_none_or(Map::is_empty);
        let mut set = Self { owned: is_leaf, children: BTreeMap::new() };
        for (key, value) in map.into_iter().flatten() {
            if key == "." {
                set.owned = true;
            } else {
                set.children.insert(key.clone(), Self::from_json(value));
            }
        }
        set
    }

    /// Writes `fieldsV1`.
    pub fn to_json(&self) -> Value {
        let mut map: Map<String, Value> = self.children.iter().map(|(k, child)| (k.clone(), child.to_json())).collect();
        if self.owned && !self.children.is_empty() {
            map.insert(".".to_owned(), json!({}));
        }
        Value::Object(map)
    }

    /// Whether nothing is owned here or below.
    pub fn is_empty(&self) -> bool {
        !self.owned && self.children.is_empty()
    }

    /// Whether the position itself is owned.
    pub fn is_owned(&self) -> bool {
        self.owned
    }

    /// The elements below this position.
    pub fn elements(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.children.iter().map(|(key, child)| (key.as_str(), child))
    }

    /// What lies below `element`.
    pub fn get(&self, element: &str) -> Option<&Self> {
        self.children.get(element)
    }

    /// Adds the fields of `other`.
    pub fn add(&mut self, other: &Self) {
        self.owned |= other.owned;
        for (key, child) in &other.children {
            self.children.entry(key.clone()).or_default().add(child);
        }
    }

    /// Removes the fields of `other`.
    pub fn subtract(&mut self, other: &Self) {
        if other.owned {
            self.owned = false;
        }
        for (key, theirs) in &other.children {
            if let Some(mine) = self.children.get_mut(key) {
                mine.subtract(theirs);
                if mine.is_empty() {
                    self.children.remove(key);
                }
            }
        }
    }

    /// The owned paths for which `keep` holds. Of list items and other inner nodes only the fields below are asked.
    pub fn filter(&self, keep: &dyn Fn(&[&str]) -> bool) -> Self {
        self.filter_at(&mut Vec::new(), keep)
    }

    fn filter_at<'a>(&'a self, path: &mut Vec<&'a str>, keep: &dyn Fn(&[&str]) -> bool) -> Self {
        let mut kept = Self::default();
        for (key, child) in &self.children {
            path.push(key);
            let filtered = if child.children.is_empty() {
                Self { owned: keep(path), children: BTreeMap::new() }
            } else {
                // An item that is new or gone as a whole is owned as a whole.
                let below = child.filter_at(path, keep);
                Self { owned: child.owned && below == Self { owned: false, ..child.clone() }, ..below }
            };
            path.pop();
            if !filtered.is_empty() {
                kept.children.insert(key.clone(), filtered);
            }
        }
        kept
    }

    /// Paths of leaves owned in both sets, as conflict messages print them.
    pub fn common_leaves(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_common(other, &mut String::new(), &mut found);
        found
    }

    fn collect_common(&self, other: &Self, path: &mut String, found: &mut Vec<String>) {
        for (key, mine) in &self.children {
            let Some(theirs) = other.children.get(key) else { continue };
            let length = path.len();
            path.push_str(&printed(key));
            if mine.owned && theirs.owned && (mine.children.is_empty() || theirs.children.is_empty()) {
                found.push(path.clone());
            } else {
                mine.collect_common(theirs, path, found);
            }
            path.truncate(length);
        }
    }
}

/// `f:spec` → `.spec`, `k:{"name":"a"}` → `[name="a"]`, `v:"x"` → `[="x"]`.
fn printed(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", field)) => format!(".{field}"),
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let list: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", list.join(","))
        }
        Some((_, value)) => format!("[={value}]"),
        None => element.to_owned(),
    }
}

/// The value at a path of elements.
pub fn lookup<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |at, element| match position(at, element)? {
        Position::Field(field) => at.get(field),
        Position::Item(i) => at.get(i),
    })
}

/// The child of `value` at one element.
pub fn child_mut<'a>(value: &'a mut Value, element: &str) -> Option<&'a mut Value> {
    match position(value, element)? {
        Position::Field(field) => value.get_mut(field),
        Position::Item(i) => value.get_mut(i),
    }
}

/// Removes the child of `value` at one element.
pub fn remove(value: &mut Value, element: &str) {
    match (position(value, element), value) {
        (Some(Position::Field(field)), Value::Object(map)) => {
            map.remove(field);
        }
        (Some(Position::Item(i)), Value::Array(items)) => {
            items.remove(i);
        }
        _ => {}
    }
}

enum Position<'e> {
    Field(&'e str),
    Item(usize),
}

fn position<'e>(value: &Value, element: &'e str) -> Option<Position<'e>> {
    match element.split_once(':')? {
        ("f", field) => Some(Position::Field(field)),
        ("k", keys) => {
            let wanted: Value = serde_json::from_str(keys).ok()?;
            let names: Vec<&str> = wanted.as_object()?.keys().map(String::as_str).collect();
            value.as_array()?.iter().position(|item| identity(item, &names) == wanted).map(Position::Item)
        }
        ("v", wanted) => {
            let wanted: Value = serde_json::from_str(wanted).ok()?;
            value.as_array()?.iter().position(|item| *item == wanted).map(Position::Item)
        }
        _ => None,
    }
}
