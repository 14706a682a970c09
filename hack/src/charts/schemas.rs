//! Every object fits its schema: Kubernetes' own, as the API server of the development cluster has them, and those of
//! the definitions in `crds/`. Fields that no schema knows are problems.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::manifests::Rendering;
use super::objects::{at, list, text};
use super::tools::Tools;
use super::{Check, objects};
use crate::{cluster, paths};

/// Kinds of the Prometheus operator, whose definitions are not at hand.
const UNKNOWN: &str = "PrometheusRule,ServiceMonitor";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// Checks the renderings, the written manifests, the samples and the objects that health is tested with.
pub(super) fn check(tools: &Tools, renderings: &[Rendering]) -> Result<Check> {
    let schemas = tools.scratch().join("schemas");
    fs::create_dir_all(&schemas).with_context(|| format!("create {}", schemas.display()))?;
    write_all(&schemas)?;
    let mut files = vec![
        "manifests/install.yaml".to_owned(),
        "manifests/namespace-install.yaml".to_owned(),
        "manifests/argocd/argocd-cm.yaml".to_owned(),
    ];
    files.extend(yaml_files("manifests/samples", &[])?);
    files.extend(yaml_files("manifests/argocd/testdata", &["actions.yaml", "expected.yaml"])?);
    for rendering in renderings {
        let path = tools.scratch().join(format!("{}.yaml", rendering.name.replace(' ', "-")));
        fs::write(&path, &rendering.text).with_context(|| format!("write {}", path.display()))?;
        files.push(path.display().to_string());
    }
    let location = format!("{}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json", schemas.display());
    let mut words = vec!["-strict", "-skip", UNKNOWN, "-schema-location", &location];
    words.extend(files.iter().map(String::as_str));
    let ran = tools.run("kubeconform", &words)?;
    let mut problems: Vec<String> = ran.stdout.lines().chain(ran.stderr.lines()).map(str::to_owned).collect();
    if !ran.success && problems.is_empty() {
        problems.push("kubeconform failed and said nothing".to_owned());
    }
    Ok(Check { name: "objects fit their schemas", looked_at: files.len(), problems })
}

fn yaml_files(folder: &str, but: &[&str]) -> Result<Vec<String>> {
    let path = paths::root().join(folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(&path).with_context(|| format!("read {}", path.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "yaml") && !but.contains(&name.as_str()) {
            files.push(format!("{folder}/{name}"));
        }
    }
    files.sort();
    Ok(files)
}

fn write_all(folder: &Path) -> Result<()> {
    let path = kubernetes_source()?.join("api/openapi-spec/swagger.json");
    let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let document: Value = serde_json::from_slice(&bytes)?;
    let definitions = at(&document, &["definitions"]).as_object().context("the OpenAPI document has definitions")?;
    for (name, definition) in definitions {
        for kind in list(definition, &["x-kubernetes-group-version-kind"]) {
            let schema = with_all_it_refers_to(name, definitions);
            write(folder, text(kind, &["group"]), text(kind, &["version"]), text(kind, &["kind"]), &schema)?;
        }
    }
    for file in yaml_files("crds", &[])? {
        let path = paths::root().join(&file);
        let text_of_it = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for definition in objects::read(&text_of_it)? {
            let (group, kind) = (text(&definition, &["spec", "group"]), text(&definition, &["spec", "names", "kind"]));
            for version in list(&definition, &["spec", "versions"]) {
                let schema = custom(at(version, &["schema", "openAPIV3Schema"]));
                write(folder, group, text(version, &["name"]), kind, &schema)?;
            }
        }
    }
    Ok(())
}

/// Where the Go module of Kubernetes lies, which the development cluster is built from.
fn kubernetes_source() -> Result<PathBuf> {
    let module = format!("k8s.io/kubernetes@{}", cluster::VERSION);
    let output = Command::new("go")
        .args(["mod", "download", "-json", &module])
        .current_dir(std::env::temp_dir())
        .output()
        .context("run go mod download: is Go installed?")?;
    ensure!(output.status.success(), "go mod download {module}: {}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    Ok(PathBuf::from(text(&told, &["Dir"])))
}

/// The name of the file is what kubeconform looks for.
fn write(folder: &Path, group: &str, version: &str, kind: &str, schema: &Value) -> Result<()> {
    let group = group.split('.').next().filter(|group| !group.is_empty());
    let parts: Vec<String> =
        [Some(kind.to_lowercase()), group.map(str::to_owned), Some(version.to_owned())].into_iter().flatten().collect();
    let path = folder.join(format!("{}.json", parts.join("-")));
    fs::write(&path, serde_json::to_vec(schema)?).with_context(|| format!("write {}", path.display()))
}

fn with_all_it_refers_to(name: &str, definitions: &Map<String, Value>) -> Value {
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let definition = definitions.get(&name).cloned().unwrap_or_default();
        let mut referred = BTreeSet::new();
        references(&definition, &mut referred);
        open.extend(referred);
        let schema = if name == QUANTITY { json!({ "type": ["string", "number"] }) } else { strict(&definition) };
        found.insert(name, schema);
    }
    json!({ "$ref": format!("#/definitions/{name}"), "definitions": found })
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                found.extend(name.rsplit('/').next().map(str::to_owned));
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// A definition's own schema says nothing of what every object has.
fn custom(schema: &Value) -> Value {
    let mut schema = strict(schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            properties.insert(name.to_owned(), json!({ "type": kind }));
        }
    }
    schema
}

/// The same schema without room for fields it does not name.
fn strict(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.get("format") == Some(&json!("int-or-string")) => {
            json!({ "type": ["string", "integer"] })
        }
        Value::Object(fields) => {
            let mut narrowed: Map<String, Value> =
                fields.iter().map(|(name, field)| (name.clone(), strict(field))).collect();
            let open = fields.contains_key("additionalProperties")
                || fields.contains_key("x-kubernetes-preserve-unknown-fields");
            if fields.get("properties").is_some_and(Value::is_object) && !open {
                narrowed.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(narrowed)
        }
        Value::Array(items) => Value::Array(items.iter().map(strict).collect()),
        other => other.clone(),
    }
}
