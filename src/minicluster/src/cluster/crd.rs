//! CustomResourceDefinitions: how one becomes a served resource type.

mod validation;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use kube::core::cel::{CompiledSchema, compile_schema};
use serde_json::{Value, json};

use super::{
    builtin::Rules,
    meta::{self, child_mut, set_default},
    resource::{GroupResource, Origin, ResourceType},
};

/// Holds a definition that is being deleted until its objects are gone.
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// What a CRD defines beyond names: one entry per served version.
#[derive(Debug)]
pub struct CustomKind {
    /// Version objects are stored in.
    pub storage_version: String,
    versions: BTreeMap<String, CustomVersion>,
}

/// Schema and columns of one version.
#[derive(Debug)]
pub struct CustomVersion {
    /// The structural schema (`openAPIV3Schema`); an empty object where the CRD has none.
    pub schema: Value,
    /// CEL rules of the schema, compiled once.
    pub rules: CompiledSchema,
    /// `additionalPrinterColumns`.
    pub columns: Vec<Value>,
    /// Paths of `selectableFields` without the leading dot.
    pub selectable: Vec<String>,
    /// The scale subresource's paths, where it has one.
    pub scale: Option<Value>,
    /// Whether `/status` exists in this version.
    pub has_status: bool,
}

impl CustomKind {
    /// The served version called `name`.
    pub fn version(&self, name: &str) -> Option<&CustomVersion> {
        self.versions.get(name)
    }
}

/// Behaviour of CustomResourceDefinition objects themselves.
pub const RULES: Rules = Rules {
    default: default_definition,
    prepare_create: |object| {
        let names = object["spec"]["names"].clone();
        let stored: Vec<Value> = versions(object).filter(|v| v["storage"] == true).map(|v| v["name"].clone()).collect();
        object["status"] = json!({ "acceptedNames": names, "storedVersions": stored, "conditions": [] });
        let created = meta::parse_time(&object["metadata"]["creationTimestamp"]).unwrap_or_default();
        establish(object, created);
    },
    prepare_update: |object, old| {
        object["status"] = old["status"].clone();
        object["status"]["acceptedNames"] = object["spec"]["names"].clone();
        let storage = versions(object).find(|v| v["storage"] == true).map(|v| v["name"].clone()).unwrap_or_default();
        if let Some(stored) = object["status"]["storedVersions"].as_array_mut()
            && !stored.contains(&storage)
        {
            stored.push(storage);
        }
    },
    validate: validation::validate_definition,
    validate_update: validation::validate_definition_update,
};

fn versions(object: &Value) -> impl Iterator<Item = &Value> {
    object["spec"]["versions"].as_array().into_iter().flatten()
}

fn default_definition(object: &mut Value) {
    let spec = child_mut(object, "spec");
    set_default(spec, "conversion", json!({ "strategy": "None" }));
    let names = child_mut(&mut object["spec"], "names");
    let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    set_default(names, "singular", json!(kind.to_lowercase()));
    set_default(names, "listKind", json!(format!("{kind}List")));
}

/// Names are accepted and the kind is served from the moment the definition is stored.
fn establish(object: &mut Value, at: Timestamp) {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": meta::time(at),
        })
    };
    object["status"]["conditions"] = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]);
}

/// The resource type a stored, validated definition serves.
pub fn resource_type(definition: &Value) -> Arc<ResourceType> {
    let (spec, names) = (&definition["spec"], &definition["spec"]["names"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| meta::strings(value).into_iter().map(str::to_owned).collect();
    let served: Vec<&Value> = versions(definition).filter(|v| v["served"] == true).collect();
    let storage_version =
        versions(definition).find(|v| v["storage"] == true).map(|v| text(&v["name"])).unwrap_or_default();
    let mut order: Vec<String> = served.iter().map(|v| text(&v["name"])).collect();
    order.sort_by_key(|name| std::cmp::Reverse(version_priority(name)));
    let group = text(&spec["group"]);
    let plural = text(&names["plural"]);
    let versions = served.iter().map(|v| (text(&v["name"]), custom_version(v))).collect();
    Arc::new(ResourceType {
        versions: order,
        singular: text(&names["singular"]),
        kind: text(&names["kind"]),
        list_kind: text(&names["listKind"]),
        short_names: list(&names["shortNames"]),
        categories: list(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        has_status: served.iter().any(|v| v["subresources"]["status"].is_object()),
        storage: GroupResource::new(&group, &plural),
        origin: Origin::Custom(Arc::new(CustomKind { storage_version, versions })),
        group,
        plural,
    })
}

fn custom_version(version: &Value) -> CustomVersion {
    let schema = version["schema"]["openAPIV3Schema"].clone();
    let schema = if schema.is_object() { schema } else { json!({}) };
    let selectable = version["selectableFields"].as_array().into_iter().flatten();
    CustomVersion {
        rules: compile_schema(&schema),
        schema,
        columns: version["additionalPrinterColumns"].as_array().cloned().unwrap_or_default(),
        selectable: selectable
            .filter_map(|f| f["jsonPath"].as_str())
            .map(|p| p.trim_start_matches('.').to_owned())
            .collect(),
        scale: version["subresources"].get("scale").cloned().filter(Value::is_object),
        has_status: version["subresources"]["status"].is_object(),
    }
}

/// Orders versions as discovery does: GA before beta before alpha, then by number.
fn version_priority(name: &str) -> (u8, u32, u32, std::cmp::Reverse<String>) {
    let other = (0, 0, 0, std::cmp::Reverse(name.to_owned()));
    let Some(rest) = name.strip_prefix('v') else { return other };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Ok(major) = rest[..digits].parse() else { return other };
    let (stage, minor) = match &rest[digits..] {
        "" => (3, 0),
        tail => match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
            (Some(n), _) => (2, n.parse().unwrap_or_default()),
            (_, Some(n)) => (1, n.parse().unwrap_or_default()),
            _ => return other,
        },
    };
    (stage, major, minor, std::cmp::Reverse(String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_in_discovery() {
        let mut names = ["v1alpha1", "v2", "v1beta2", "v1", "foo", "v1beta10"];
        names.sort_by_key(|n| std::cmp::Reverse(version_priority(n)));
        assert_eq!(names, ["v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo"]);
    }
}
