//! Alerts and dashboard ask for metrics that the code has.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use super::manifests::Rendering;
use super::{Check, objects};
use crate::paths;

const SOURCES: [&str; 2] = ["src/gateway/src/metrics.rs", "src/gateway/src/metrics/loop_numbers.rs"];
const OPERATOR: (&str, &str) = ("src/operator/src/metrics.rs", "genesis_operator_");
/// What the text format adds to the name of a counter or histogram.
const SUFFIXES: [&str; 4] = ["_total", "_bucket", "_count", "_sum"];

/// Looks every name up.
pub(super) fn check(renderings: &[Rendering]) -> Result<Check> {
    let mut names = BTreeSet::new();
    for object in renderings.iter().flat_map(|rendering| &rendering.objects) {
        if ["PrometheusRule", "ConfigMap"].contains(&objects::kind(object)) {
            names.extend(asked_for(&object.to_string()));
        }
    }
    let gateway = SOURCES.iter().map(|path| source(path)).collect::<Result<String>>()?;
    let (path, prefix) = OPERATOR;
    let operator = source(path)?;
    let known = |name: &str| {
        let base = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        match base.strip_prefix(prefix) {
            Some(rest) => operator.contains(&format!("\"{rest}\"")),
            None => gateway.contains(&format!("\"{base}\"")),
        }
    };
    let problems = names.iter().filter(|name| !known(name)).map(|name| format!("nothing registers {name}")).collect();
    Ok(Check { name: "alerts and dashboard know the metrics", looked_at: names.len(), problems })
}

fn source(path: &str) -> Result<String> {
    let path = paths::root().join(path);
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// The words of a text that begin as our metrics do.
fn asked_for(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("genesis_")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_within_expressions() {
        let found = asked_for(r#"sum(rate(genesis_a_total{kind!="ok"}[5m])) / genesis_b > 1"#);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["genesis_a_total", "genesis_b"]);
    }
}
