//! Tables as `kubectl get` prints them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{meta, ops::Call, representation::partial};

/// One column: name, OpenAPI type, priority (0 is always shown), and how a cell is computed.
struct Column {
    name: String,
    kind: String,
    priority: i64,
    cell: Cell,
}

enum Cell {
    Computed(fn(&Value) -> Value),
    Path(String),
    Age,
}

/// The table of `objects`.
pub fn of(call: &Call<'_>, objects: &[&Value], metadata: Value, with_columns: bool, now: Timestamp) -> Value {
    let columns = columns(call);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|c| {
            let format = if c.name == "Name" { "name" } else { "" };
            json!({ "name": c.name, "type": c.kind, "format": format, "description": "", "priority": c.priority })
        })
        .collect();
    let row = |object: &&Value| {
        let cells: Vec<Value> = columns.iter().map(|column| cell(column, object, now)).collect();
        json!({ "cells": cells, "object": partial(object) })
    };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": if with_columns { json!(definitions) } else { Value::Null },
        "rows": objects.iter().map(row).collect::<Vec<_>>(),
    })
}

fn cell(column: &Column, object: &Value, now: Timestamp) -> Value {
    match &column.cell {
        Cell::Computed(compute) => compute(object),
        Cell::Age => json!(age(&object["metadata"]["creationTimestamp"], now)),
        Cell::Path(path) => {
            let value = at_path(object, path);
            match (column.kind.as_str(), value) {
                ("date", value) => json!(age(&value, now)),
                ("string", Value::Null) => Value::Null,
                ("string", Value::String(text)) => json!(text),
                ("string", other) => json!(other.to_string()),
                (_, value) => value,
            }
        }
    }
}

fn columns(call: &Call<'_>) -> Vec<Column> {
    let column = |name: &str, cell: fn(&Value) -> Value| Column {
        name: name.to_owned(),
        kind: "string".to_owned(),
        priority: 0,
        cell: Cell::Computed(cell),
    };
    let mut columns = vec![column("Name", |o| json!(meta::name(o)))];
    let age = || Column { name: "Age".to_owned(), kind: "string".to_owned(), priority: 0, cell: Cell::Age };
    if let Some(version) = call.resource.custom().and_then(|c| c.version(call.version)) {
        columns.extend(version.columns.iter().map(|c| {
            let text = |field: &str| c[field].as_str().unwrap_or_default().to_owned();
            let priority = c["priority"].as_i64().unwrap_or_default();
            Column { name: text("name"), kind: text("type"), priority, cell: Cell::Path(text("jsonPath")) }
        }));
        if version.columns.is_empty() {
            columns.push(age());
        }
        return columns;
    }
    match call.resource.plural.as_str() {
        "pods" => columns.extend([
            column("Ready", |o| {
                let statuses = o["status"]["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
                let ready = statuses.iter().filter(|s| s["ready"] == true).count();
                json!(format!("{ready}/{}", o["spec"]["containers"].as_array().map_or(0, Vec::len)))
            }),
            column("Status", |o| json!(pod_status(o))),
            column("Restarts", |o| {
                let statuses = o["status"]["containerStatuses"].as_array().into_iter().flatten();
                json!(statuses.filter_map(|s| s["restartCount"].as_i64()).sum::<i64>().to_string())
            }),
        ]),
        "deployments" => columns.extend([
            column("Ready", |o| {
                let ready = o["status"]["readyReplicas"].as_i64().unwrap_or_default();
                json!(format!("{ready}/{}", o["spec"]["replicas"]))
            }),
            column("Up-to-date", |o| json!(o["status"]["updatedReplicas"].as_i64().unwrap_or_default().to_string())),
            column("Available", |o| json!(o["status"]["availableReplicas"].as_i64().unwrap_or_default().to_string())),
        ]),
        "jobs" => columns.extend([
            column("Status", |o| json!(job_status(o))),
            column("Completions", |o| {
                let done = o["status"]["succeeded"].as_i64().unwrap_or_default();
                json!(format!("{done}/{}", o["spec"]["completions"].as_i64().unwrap_or(1)))
            }),
        ]),
        "nodes" => columns.push(column("Status", |o| {
            let ready = condition(o, "Ready").is_some_and(|c| c["status"] == "True");
            json!(if ready { "Ready" } else { "NotReady" })
        })),
        "namespaces" => columns.push(column("Status", |o| o["status"]["phase"].clone())),
        "services" => columns.extend([
            column("Type", |o| o["spec"]["type"].clone()),
            column("Cluster-IP", |o| o["spec"]["clusterIP"].clone()),
        ]),
        "events" => {
            columns = vec![
                column("Last Seen", |o| o["lastTimestamp"].clone()),
                column("Type", |o| o["type"].clone()),
                column("Reason", |o| o["reason"].clone()),
                column("Object", |o| {
                    let (kind, name) = (&o["involvedObject"]["kind"], &o["involvedObject"]["name"]);
                    let kind = kind.as_str().unwrap_or_default().to_lowercase();
                    json!(format!("{kind}/{}", name.as_str().unwrap_or_default()))
                }),
                column("Message", |o| o["message"].clone()),
            ];
            return columns;
        }
        "leases" => columns.push(column("Holder", |o| o["spec"]["holderIdentity"].clone())),
        "configmaps" | "secrets" => {
            columns.push(column("Data", |o| json!(o["data"].as_object().map_or(0, serde_json::Map::len).to_string())));
        }
        _ => {}
    }
    columns.push(age());
    columns
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

/// The reason a person wants to see first.
fn pod_status(pod: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if meta::is_deleting(pod) {
        return "Terminating".to_owned();
    }
    for status in pod["status"]["containerStatuses"].as_array().into_iter().flatten() {
        for state in ["waiting", "terminated"] {
            let reason = text(&status["state"][state]["reason"]);
            if !reason.is_empty() {
                return reason;
            }
        }
    }
    let reason = text(&pod["status"]["reason"]);
    if reason.is_empty() { text(&pod["status"]["phase"]) } else { reason }
}

fn job_status(job: &Value) -> &'static str {
    let holds = |kind: &str| condition(job, kind).is_some_and(|c| c["status"] == "True");
    match () {
        () if holds("Complete") => "Complete",
        () if holds("Failed") => "Failed",
        () if meta::is_deleting(job) => "Terminating",
        () if holds("Suspended") => "Suspended",
        () if holds("FailureTarget") => "FailureTarget",
        () if holds("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

/// The value at a printer column's JSON path: fields, indices and `[?(@.type=="Ready")]` filters.
fn at_path(object: &Value, path: &str) -> Value {
    let mut current = object.clone();
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[?(@.") {
            let Some((filter, after)) = after.split_once(")]") else { return Value::Null };
            let Some((field, wanted)) = filter.split_once("==") else { return Value::Null };
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            let items = current.as_array().cloned().unwrap_or_default();
            current = items.into_iter().find(|i| i[field.trim()] == wanted).unwrap_or_default();
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let Some((index, after)) = after.split_once(']') else { return Value::Null };
            current = match index.parse::<usize>() {
                Ok(i) => current.get(i).cloned().unwrap_or_default(),
                Err(_) => current.get(index.trim_matches(['"', '\''])).cloned().unwrap_or_default(),
            };
            rest = after;
        } else {
            rest = rest.trim_start_matches('.');
            let end = next_separator(rest);
            current = current.get(rest[..end].replace("\\.", ".")).cloned().unwrap_or_default();
            rest = &rest[end..];
        }
    }
    current
}

/// End of the field name at the start of `path`; `\.` is part of a name.
fn next_separator(path: &str) -> usize {
    let bytes = path.as_bytes();
    (0..bytes.len())
        .find(|&i| bytes[i] == b'[' || (bytes[i] == b'.' && (i == 0 || bytes[i - 1] != b'\\')))
        .unwrap_or(bytes.len())
}

/// A duration as kubectl writes it: `5s`, `3m20s`, `2h`, `4d`.
fn age(since: &Value, now: Timestamp) -> String {
    let Some(since) = meta::parse_time(since) else { return "<unknown>".to_owned() };
    let seconds = (now.as_second() - since.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => format!("{}m{}s", seconds / 60, seconds % 60),
        600..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printer_paths() {
        let object = json!({
            "spec": { "list": [{ "a": 1 }] }, "metadata": { "labels": { "x.y/z": "v" } },
            "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "Ok" }] },
        });
        for (path, expected) in [
            (".spec.list[0].a", json!(1)),
            (".status.conditions[?(@.type==\"Ready\")].reason", json!("Ok")),
            (".status.conditions[?(@.type=='None')].reason", Value::Null),
            (".metadata.labels.x\\.y/z", json!("v")),
        ] {
            assert_eq!(at_path(&object, path), expected, "{path}");
        }
    }

    #[test]
    fn ages_read_like_kubectl() {
        let now: Timestamp = "2024-01-02T00:00:00Z".parse().unwrap();
        for (since, expected) in
            [("2024-01-01T23:59:55Z", "5s"), ("2024-01-01T23:56:40Z", "3m20s"), ("2024-01-01T20:00:00Z", "4h")]
        {
            assert_eq!(age(&json!(since), now), expected);
        }
    }
}
