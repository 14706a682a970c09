//! Argo CD's scripts, run as Argo CD runs them: against recorded objects of every state.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::tools::Tools;
use super::{Check, argocd, objects};

/// Argo CD loads no more of Lua's libraries than the basic one and the one for tables.
const BEFORE: &str = "\
local print, concat, sort = print, table.concat, table.sort
io, os, string, math, debug, package, require, dofile, loadfile = nil
";
const TELL_HEALTH: &str = "print(result.status .. \"\\n\" .. tostring(result.message))";
const TELL_OFFERED: &str = "\
local names = {}
for name, action in pairs(result) do
  if not action.disabled then names[#names + 1] = name end
end
sort(names)
print(concat(names, \" \"))";

/// What an object comes to.
#[derive(Deserialize)]
struct Expected {
    object: String,
    health: String,
    message: String,
    actions: Vec<String>,
}

/// What an action writes.
#[derive(Deserialize)]
struct Written {
    object: String,
    action: String,
    path: Vec<String>,
    value: Value,
}

/// Health, the actions that are offered, and what they write.
pub(super) fn check(tools: &Tools) -> Result<[Check; 3]> {
    let expected: Vec<Expected> = read("expected.yaml")?;
    let written: Vec<Written> = read("actions.yaml")?;
    let (mut health, mut offered, mut wrote) = (Vec::new(), Vec::new(), Vec::new());
    for case in &expected {
        let object = object(&case.object)?;
        let kind = objects::kind(&object);
        let told = run(tools, &object, &argocd::health(kind)?, TELL_HEALTH)?;
        let (status, message) = told.split_once('\n').unwrap_or((told.as_str(), ""));
        if status != case.health || !message.contains(&case.message) {
            health.push(format!("{}: {} expected, not {status}: {message}", case.object, case.health));
        }
        let told = run(tools, &object, &argocd::discovery(kind)?, TELL_OFFERED)?;
        let found: BTreeSet<&str> = told.split_whitespace().collect();
        let wanted: BTreeSet<&str> = case.actions.iter().map(String::as_str).collect();
        if found != wanted {
            offered.push(format!("{}: {:?} expected, not {found:?}", case.object, case.actions));
        }
    }
    for case in &written {
        let object = object(&case.object)?;
        let path: String = case.path.iter().map(|name| format!("[{}]", literal(&Value::from(name.as_str())))).collect();
        let tell = format!("print(tostring(result{path} == {}))", literal(&case.value));
        let told = run(tools, &object, &argocd::action(objects::kind(&object), &case.action)?, &tell)?;
        if told.trim() != "true" {
            wrote.push(format!("{} of {} does not write {}: {told}", case.action, case.object, case.value));
        }
    }
    health.extend(missing_states(&expected)?);
    wrote.extend(untried_actions(&written)?);
    Ok([
        Check { name: "Argo CD health", looked_at: expected.len(), problems: health },
        Check { name: "Argo CD actions offered", looked_at: expected.len(), problems: offered },
        Check { name: "Argo CD actions written", looked_at: written.len(), problems: wrote },
    ])
}

/// Recorded objects that nothing is expected of.
fn missing_states(expected: &[Expected]) -> Result<Vec<String>> {
    let folder = argocd::folder().join("testdata");
    let mut forgotten = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let known =
            name == "expected.yaml" || name == "actions.yaml" || expected.iter().any(|case| case.object == name);
        if !known {
            forgotten.push(format!("testdata/expected.yaml says nothing of {name}"));
        }
    }
    Ok(forgotten)
}

/// Actions that nothing tries.
fn untried_actions(written: &[Written]) -> Result<Vec<String>> {
    let mut untried = Vec::new();
    for kind in argocd::KINDS {
        let prefix = format!("{}_", kind.to_lowercase());
        for action in argocd::actions(kind)? {
            if !written.iter().any(|case| case.action == action && case.object.starts_with(&prefix)) {
                untried.push(format!("testdata/actions.yaml does not try {action} of {kind}"));
            }
        }
    }
    Ok(untried)
}

fn read<T: DeserializeOwned>(name: &str) -> Result<T> {
    let path = argocd::folder().join("testdata").join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    serde_yaml::from_str(&text).with_context(|| format!("read {}", path.display()))
}

fn object(name: &str) -> Result<Value> {
    read(name)
}

/// Runs a script on an object and gives back what `tell` prints of its result, or what went wrong.
fn run(tools: &Tools, object: &Value, script: &str, tell: &str) -> Result<String> {
    let path = tools.scratch().join("script.lua");
    let text = format!("{BEFORE}obj = {}\nlocal result = (function()\n{script}\nend)()\n{tell}\n", literal(object));
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    let ran = tools.run("glua", &[&path.display().to_string()])?;
    Ok(format!("{}{}", ran.stdout, ran.stderr))
}

/// A value as Lua writes it. JSON escapes in strings no more than Lua understands.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => format!("{{{}}}", items.iter().map(literal).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let field =
                |(name, field): (&String, &Value)| format!("[{}]={}", Value::from(name.as_str()), literal(field));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_written_as_lua_reads_it() {
        let value = json!({ "a": ["x\n\"y\"", 1, true, null], "b.c/d": {} });
        assert_eq!(literal(&value), r#"{["a"]={"x\n\"y\"",1,true,nil},["b.c/d"]={}}"#);
    }
}
