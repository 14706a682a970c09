//! Discovery documents: which groups, versions and resources there are, and which field options they take.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{error::ApiError, registry::Registry, resource::ResourceType};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// `/version`: the release whose behaviour this server follows.
pub fn version() -> Value {
    json!({
        "major": "1", "minor": "35", "gitVersion": "v1.35.4-genesis.minicluster", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc", "platform": "linux/amd64",
        "emulationMajor": "1", "emulationMinor": "35", "minCompatibilityMajor": "1", "minCompatibilityMinor": "34",
    })
}

/// `/api`.
pub fn core_versions() -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })
}

/// `/apis`.
pub fn groups(registry: &Registry) -> Value {
    let groups: Vec<Value> =
        versions_by_group(registry).iter().map(|(name, versions)| group_body(name, versions)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/<group>`.
pub fn group(registry: &Registry, name: &str) -> Result<Value, ApiError> {
    let groups = versions_by_group(registry);
    let versions = groups.get(name).ok_or_else(ApiError::unknown_path)?;
    let mut body = group_body(name, versions);
    body["kind"] = json!("APIGroup");
    body["apiVersion"] = json!("v1");
    Ok(body)
}

fn group_body(name: &str, versions: &[String]) -> Value {
    let entry = |version: &String| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({
        "name": name, "versions": versions.iter().map(entry).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(entry),
    })
}

fn versions_by_group(registry: &Registry) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in registry.all().filter(|r| !r.group.is_empty()) {
        let versions = groups.entry(resource.group.clone()).or_default();
        for version in &resource.versions {
            if !versions.contains(version) {
                versions.push(version.clone());
            }
        }
    }
    groups
}

/// `/api/v1` and `/apis/<group>/<version>`.
pub fn resources(registry: &Registry, group: &str, version: &str) -> Result<Value, ApiError> {
    let served: Vec<&Arc<ResourceType>> = of_version(registry, group, version).collect();
    if served.is_empty() {
        return Err(ApiError::unknown_path());
    }
    let list: Vec<Value> = served.iter().flat_map(|resource| entries(resource, version)).collect();
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list }))
}

fn of_version<'a>(
    registry: &'a Registry,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a Arc<ResourceType>> {
    registry.all().filter(move |r| r.group == group && r.versions.iter().any(|v| v == version))
}

fn entries(resource: &ResourceType, version: &str) -> Vec<Value> {
    let mut main = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": VERBS,
    });
    if !resource.short_names.is_empty() {
        main["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        main["categories"] = json!(resource.categories);
    }
    let sub = |name: &str, kind: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": resource.namespaced,
            "kind": kind, "verbs": verbs,
        })
    };
    let mut list = vec![main];
    let custom = resource.custom().and_then(|c| c.version(version));
    if custom.map_or(resource.has_status, |v| v.has_status) {
        list.push(sub("status", &resource.kind, &["get", "patch", "update"]));
    }
    if resource.group == "apps" || custom.is_some_and(|v| v.scale.is_some()) {
        let mut scale = sub("scale", "Scale", &["get", "patch", "update"]);
        scale["group"] = json!("autoscaling");
        scale["version"] = json!("v1");
        list.push(scale);
    }
    if resource.group.is_empty() && resource.plural == "pods" {
        list.push(sub("binding", "Binding", &["create"]));
        list.push(sub("eviction", "Eviction", &["create"]));
    }
    list
}

/// `/openapi/v3`: one document for each group and version.
pub fn openapi_index(registry: &Registry) -> Value {
    let mut paths = serde_json::Map::new();
    for resource in registry.all() {
        for version in &resource.versions {
            let path = if resource.group.is_empty() {
                format!("api/{version}")
            } else {
                format!("apis/{}/{version}", resource.group)
            };
            let url = format!("/openapi/v3/{path}");
            paths.insert(path, json!({ "serverRelativeURL": url }));
        }
    }
    json!({ "paths": paths })
}

/// One OpenAPI document. It says which objects exist, their schema as far as a CRD gives one, and that every write
/// validates fields, which is what `kubectl` looks for before it leaves validation to the server.
pub fn openapi(registry: &Registry, path: &str) -> Result<Value, ApiError> {
    let (group, version) = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api", version] => (String::new(), (*version).to_owned()),
        ["apis", group, version] => ((*group).to_owned(), (*version).to_owned()),
        _ => return Err(ApiError::unknown_path()),
    };
    let (mut paths, mut schemas) = (serde_json::Map::new(), serde_json::Map::new());
    for resource in of_version(registry, &group, &version) {
        let base = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let base = if resource.namespaced { format!("{base}/namespaces/{{namespace}}") } else { base };
        let gvk = json!({ "group": group, "version": version, "kind": resource.kind });
        let operation = |action: &str| {
            let options = ["dryRun", "fieldManager", "fieldValidation"]
                .map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } }));
            json!({
                "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk, "parameters": options,
                "responses": { "200": { "description": "OK" } },
            })
        };
        paths.insert(format!("{base}/{}", resource.plural), json!({ "post": operation("post") }));
        paths.insert(
            format!("{base}/{}/{{name}}", resource.plural),
            json!({ "put": operation("put"), "patch": operation("patch") }),
        );
        let custom = resource.custom().and_then(|c| c.version(&version));
        let mut schema = custom.map_or_else(|| json!({ "type": "object" }), |v| v.schema.clone());
        schema["x-kubernetes-group-version-kind"] = json!([gvk]);
        let reversed: Vec<&str> = group.split('.').rev().filter(|p| !p.is_empty()).collect();
        schemas.insert(format!("{}.{version}.{}", reversed.join("."), resource.kind), schema);
    }
    if paths.is_empty() {
        return Err(ApiError::unknown_path());
    }
    let info = json!({ "title": "Kubernetes", "version": "v1.35.4-genesis.minicluster" });
    Ok(json!({ "openapi": "3.0.0", "info": info, "paths": paths, "components": { "schemas": schemas } }))
}
