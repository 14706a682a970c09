//! `cargo dev charts`: what is installed in a cluster. Charts are linted and tested, manifests are what the charts
//! say, every object fits its schema and the policy, and Argo CD's scripts judge every state as they should.

mod argocd;
mod manifests;
mod metrics;
mod objects;
mod policy;
mod schemas;
mod scripts;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

pub(crate) use self::tools::Tools;
use crate::report;

/// The charts, as folders below the root.
const CHARTS: [&str; 2] = ["charts/genesis", "charts/genesis-crds"];

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    /// What is checked.
    name: &'static str,
    /// How many things were looked at.
    looked_at: usize,
    /// What is wrong.
    problems: Vec<String>,
}

/// The report.
#[derive(Debug, Serialize)]
struct Charts {
    checks: Vec<Check>,
    seconds: f64,
}

/// Writes the generated files if it is told to, runs all checks and prints the table.
pub fn run(write: bool) -> Result<()> {
    let clock = Instant::now();
    let tools = Tools::build()?;
    if write {
        println!("{} generated files changed", rewrite(&generated(&tools)?)?);
    }
    let renderings = manifests::renderings(&tools)?;
    let mut checks = vec![up_to_date(&generated(&tools)?), lint(&tools)?, unit(&tools)?];
    checks.push(schemas::check(&tools, &renderings)?);
    checks.extend(policy::check(&renderings));
    checks.push(metrics::check(&renderings)?);
    checks.extend(scripts::check(&tools)?);
    let charts = Charts { checks, seconds: clock.elapsed().as_secs_f64() };
    charts.print();
    println!("report: {}", report::write("charts", &charts)?.display());
    charts.verify()
}

/// Every generated file with its content.
fn generated(tools: &Tools) -> Result<Vec<(PathBuf, String)>> {
    let mut files = manifests::files(tools)?;
    files.push(argocd::patch()?);
    Ok(files)
}

fn rewrite(files: &[(PathBuf, String)]) -> Result<usize> {
    let mut changed = 0;
    for (path, text) in files {
        if !is_current(path, text) {
            fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
            changed += 1;
        }
    }
    Ok(changed)
}

fn up_to_date(files: &[(PathBuf, String)]) -> Check {
    let stale = files.iter().filter(|(path, text)| !is_current(path, text));
    let problems = stale.map(|(path, _)| format!("{} is out of date: cargo dev charts --write", path.display()));
    Check { name: "manifests are what the charts say", looked_at: files.len(), problems: problems.collect() }
}

fn is_current(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|old| old == text)
}

fn lint(tools: &Tools) -> Result<Check> {
    let mut problems = Vec::new();
    let cases = [(CHARTS[0], None), (CHARTS[0], Some(manifests::EVERYTHING)), (CHARTS[1], None)];
    for (chart, values) in cases {
        let mut words = vec!["lint", "--strict", "--kube-version", tools::KUBERNETES, chart];
        if let Some(values) = values {
            words.extend(["--values", values]);
        }
        problems.extend(tools.run("helm", &words)?.problem());
    }
    Ok(Check { name: "helm lint", looked_at: cases.len(), problems })
}

fn unit(tools: &Tools) -> Result<Check> {
    let mut words = vec!["--strict"];
    words.extend(CHARTS);
    let ran = tools.run("helm-unittest", &words)?;
    // Its last lines say `Tests:  1 failed, 87 passed, 88 total`.
    let total = ran.stdout.lines().find_map(|line| line.trim().strip_prefix("Tests:")?.split(',').next_back());
    let total = total.and_then(|words| words.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    let mut problems: Vec<String> = ran.problem().into_iter().collect();
    if total == 0 && problems.is_empty() {
        problems.push("helm-unittest ran no test".to_owned());
    }
    Ok(Check { name: "helm-unittest", looked_at: total, problems })
}

impl Charts {
    fn print(&self) {
        let mut table = report::table(&["check", "looked at", "problems"]);
        for Check { name, looked_at, problems } in &self.checks {
            table.add_row([(*name).to_owned(), looked_at.to_string(), problems.len().to_string()]);
        }
        println!("{table}");
        for Check { name, problems, .. } in &self.checks {
            problems.iter().for_each(|problem| println!("{name}: {problem}"));
        }
    }

    fn verify(&self) -> Result<()> {
        let failed: Vec<&str> =
            self.checks.iter().filter(|check| !check.problems.is_empty()).map(|check| check.name).collect();
        ensure!(failed.is_empty(), "not all is well with the charts: {}", failed.join(", "));
        let empty: Vec<&str> =
            self.checks.iter().filter(|check| check.looked_at == 0).map(|check| check.name).collect();
        ensure!(empty.is_empty(), "nothing was looked at: {}", empty.join(", "));
        println!("{} checks passed in {:.1} s", self.checks.len(), self.seconds);
        Ok(())
    }
}
