//! `metadata.managedFields`.

use serde_json::{Value, json};

use super::FieldSet;

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

/// Identity of a manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// `fieldManager`, or the first part of the client's User-Agent.
    pub name: String,
    /// How it writes.
    pub operation: Operation,
    /// Version it writes in.
    pub api_version: String,
    /// Subresource it writes through; empty for the main one.
    pub subresource: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    manager: Manager,
    /// RFC 3339; replaced when the set changes.
    time: String,
    fields: FieldSet,
}

/// The managers of one object and what each owns.
#[derive(Clone, Debug, Default)]
pub struct Managers {
    entries: Vec<Entry>,
    /// Time of entries that change.
    now: String,
    /// Entry taken out by [`take`](Self::take), to keep its time if it comes back unchanged.
    taken: Vec<Entry>,
}

impl Managers {
    /// Reads `managedFields`; `now` dates the entries that change.
    pub fn from_json(list: &Value, now: String) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = list
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| Entry {
                manager: Manager {
                    name: text(&entry["manager"]),
                    operation: if entry["operation"] == "Apply" { Operation::Apply } else { Operation::Update },
                    api_version: text(&entry["apiVersion"]),
                    subresource: text(&entry["subresource"]),
                },
                time: text(&entry["time"]),
                fields: FieldSet::from_json(&entry["fieldsV1"]),
            })
            .collect();
        Self { entries, now, taken: Vec::new() }
    }

    /// Writes `managedFields`.
    pub fn to_json(&self) -> Value {
        self.entries
            .iter()
            .map(|entry| {
                let mut json = json!({
                    "manager": entry.manager.name,
                    "operation": if entry.manager.operation == Operation::Apply { "Apply" } else { "Update" },
                    "apiVersion": entry.manager.api_version,
                    "time": entry.time,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": entry.fields.to_json(),
                });
                if !entry.manager.subresource.is_empty() {
                    json["subresource"] = json!(entry.manager.subresource);
                }
                json
            })
            .collect()
    }

    /// Takes out what `manager` owns.
    pub fn take(&mut self, manager: &Manager) -> Option<FieldSet> {
        let i = self.entries.iter().position(|entry| entry.manager == *manager)?;
        let entry = self.entries.remove(i);
        let fields = entry.fields.clone();
        self.taken.push(entry);
        Some(fields)
    }

    /// Sets what `manager` owns; nothing removes the entry.
    pub fn set(&mut self, manager: Manager, fields: FieldSet) {
        if fields.is_empty() {
            return;
        }
        let unchanged = self.taken.iter().find(|entry| entry.manager == manager && entry.fields == fields);
        let time = unchanged.map_or_else(|| self.now.clone(), |entry| entry.time.clone());
        self.entries.push(Entry { manager, time, fields });
        self.entries.sort_by(|a, b| {
            let order = |e: &Entry| (e.manager.operation == Operation::Update, e.time.clone(), e.manager.name.clone());
            order(a).cmp(&order(b))
        });
    }

    /// Conflicts of `fields` with every manager: `(manager as printed, path)`.
    pub fn conflicts(&self, fields: &FieldSet) -> Vec<(String, String)> {
        let of_entry = |entry: &Entry| {
            let manager = printed(entry);
            let paths = fields.common_leaves(&entry.fields);
            paths.into_iter().map(move |path| (manager.clone(), path)).collect::<Vec<_>>()
        };
        self.entries.iter().flat_map(of_entry).collect()
    }

    /// Takes `fields` away from every manager.
    pub fn disown(&mut self, fields: &FieldSet) {
        for entry in &mut self.entries {
            let before = entry.fields.clone();
            entry.fields.subtract(fields);
            if entry.fields != before {
                entry.time.clone_from(&self.now);
            }
        }
        self.entries.retain(|entry| !entry.fields.is_empty());
    }

    /// Everything any manager owns.
    pub fn all_fields(&self) -> FieldSet {
        let mut all = FieldSet::default();
        self.entries.iter().for_each(|entry| all.add(&entry.fields));
        all
    }
}

fn printed(entry: &Entry) -> String {
    let mut text = format!("{:?}", entry.manager.name);
    if !entry.manager.subresource.is_empty() {
        text += &format!(" with subresource {:?}", entry.manager.subresource);
    }
    if entry.manager.operation == Operation::Update {
        text += &format!(" using {} at {}", entry.manager.api_version, entry.time);
    }
    text
}
