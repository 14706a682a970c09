//! `cargo dev cluster check`: a node is what it says, looked at as a user of the cluster would.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::layout::METADATA;
use super::{Node, images};
use crate::cluster::FIRST_SERVICE;
use crate::report;

const IMAGE: &str = "localhost/genesis-check:1";

/// Who may reach what: service by name, neighbour by address, name server, API server, metadata.
const REACH: [(&str, [bool; 5]); 3] =
    [("free", [true; 5]), ("denied", [false; 5]), ("allowed", [true, true, true, false, false])];

const PLACES: [&str; 5] = ["service", "neighbour", "names", "api", "metadata"];

/// New rules are in force within this time, or the check fails.
const ENFORCED_WITHIN: Duration = Duration::from_secs(20);

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Seconds for packages and builds; next to nothing where all is cached.
    prepared_seconds: f64,
    /// Seconds until the node was ready and names resolved.
    start_seconds: f64,
    /// The end of everything.
    stop_seconds: f64,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    name: String,
    passed: bool,
    seconds: f64,
    seen: String,
}

/// Starts a node, looks at it, ends it, prints a table and writes the report.
pub fn run(folder: &Path) -> Result<Checked> {
    let start = Instant::now();
    Node::build()?;
    let prepared_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let node = Node::start(folder)?;
    let start_seconds = start.elapsed().as_secs_f64();
    let steps = look(&node);
    let start = Instant::now();
    drop(node);
    let checked =
        Checked { prepared_seconds, start_seconds, stop_seconds: start.elapsed().as_secs_f64(), steps: steps? };
    println!("{}", table(&checked));
    println!("report: {}", report::write("node", &checked)?.display());
    let failed: Vec<&str> = checked.steps.iter().filter(|step| !step.passed).map(|step| step.name.as_str()).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(checked)
}

fn look(node: &Node) -> Result<Vec<Step>> {
    let mut steps = vec![timed("image imported", || import(node).map(|()| (true, IMAGE.to_owned())))?];
    node.apply("check", &include_str!("check.yaml").replace("IMAGE", IMAGE).replace("METADATA", METADATA))?;
    for (runtime, mark) in [("gvisor", true), ("runc", false)] {
        steps.push(timed(&format!("{runtime} Job"), || {
            wait(node, &["--for=condition=Complete", &format!("job/{runtime}")])?;
            let kernel = say(node, &["logs", &format!("job/{runtime}")])?;
            Ok((kernel.contains("gvisor") == mark, kernel))
        })?);
    }
    steps.push(timed("claim bound", || {
        wait(node, &["--for=jsonpath={.status.phase}=Bound", "persistentvolumeclaim/claim"])?;
        Ok((true, say(node, &["get", "persistentvolumeclaim/claim", "--output=jsonpath={.spec.volumeName}"])?))
    })?);
    wait(node, &["--for=condition=Ready", "pod/neighbour", "pod/metadata", "pod/free", "pod/denied", "pod/allowed"])?;
    let neighbour = say(node, &["get", "pod/neighbour", "--output=jsonpath={.status.podIP}"])?;
    for (pod, expected) in REACH {
        steps.push(timed(&format!("{pod} pod"), || reaches(node, pod, &neighbour, expected))?);
    }
    steps.push(timed("into a denied pod", || {
        let address = say(node, &["get", "pod/denied", "--output=jsonpath={.status.podIP}"])?;
        let said = say(node, &["exec", "free", "--", "/program", "reach", &format!("denied={address}:8080")])?;
        Ok((said == "denied=refused", said))
    })?);
    for daemon in ["containerd", "kubelet"] {
        steps.push(timed(&format!("{daemon} killed"), || survives(node, daemon))?);
    }
    Ok(steps)
}

fn import(node: &Node) -> Result<()> {
    let archive = node.folder().join("images/check.tar");
    images::of_program(&archive, IMAGE, &node.programs.pod, &[])?;
    node.import(&archive)
}

/// What a pod reaches, as soon as it is as expected or time is up; then once more, for it must stay so.
fn reaches(node: &Node, pod: &str, neighbour: &str, expected: [bool; 5]) -> Result<(bool, String)> {
    let start = Instant::now();
    let mut seen = probe(node, pod, neighbour)?;
    while seen != expected && start.elapsed() < ENFORCED_WITHIN {
        seen = probe(node, pod, neighbour)?;
    }
    if seen == expected {
        seen = probe(node, pod, neighbour)?;
    }
    let words =
        PLACES.iter().zip(seen).map(|(place, open)| format!("{place} {}", if open { "open" } else { "refused" }));
    Ok((seen == expected, words.collect::<Vec<_>>().join(", ")))
}

fn probe(node: &Node, pod: &str, neighbour: &str) -> Result<[bool; 5]> {
    let targets = [
        "neighbour.check.svc:80".to_owned(),
        format!("{neighbour}:8080"),
        "neighbour.check.svc".to_owned(),
        format!("{FIRST_SERVICE}:443"),
        format!("{METADATA}:80"),
    ];
    let labelled: Vec<String> = PLACES.iter().zip(targets).map(|(place, target)| format!("{place}={target}")).collect();
    let mut words = vec!["exec", pod, "--", "/program", "reach"];
    words.extend(labelled.iter().map(String::as_str));
    let said = say(node, &words)?;
    let seen: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let mut open = [false; 5];
    for (place, open) in PLACES.iter().zip(&mut open) {
        *open = *seen.get(place).with_context(|| format!("{pod} did not say what became of {place}"))? == "open";
    }
    Ok(open)
}

/// A pod goes on while a daemon is away, and the node takes work again afterwards.
fn survives(node: &Node, daemon: &str) -> Result<(bool, String)> {
    let restarts = ["get", "pod/neighbour", "--output=jsonpath={.status.containerStatuses[0].restartCount}"];
    node.kill(daemon)?;
    let job = format!("after-{daemon}");
    say(node, &["create", "job", &job, "--from=cronjob/later"])?;
    wait(node, &["--for=condition=Complete", &format!("job/{job}")])?;
    let restarted = say(node, &restarts)?;
    Ok((restarted == "0", format!("a new Job completes; restarts of a pod that ran: {restarted}")))
}

fn wait(node: &Node, words: &[&str]) -> Result<()> {
    say(node, &[&["wait", "--timeout=90s"], words].concat()).map(drop)
}

fn say(node: &Node, words: &[&str]) -> Result<String> {
    let words = [&["--namespace=check"], words].concat();
    let out = node.kubectl(&words)?.output().context("run kubectl")?;
    ensure!(out.status.success(), "kubectl {}: {}", words.join(" "), String::from_utf8_lossy(&out.stderr).trim());
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn timed(name: &str, look: impl FnOnce() -> Result<(bool, String)>) -> Result<Step> {
    let start = Instant::now();
    let (passed, seen) = look().with_context(|| name.to_owned())?;
    Ok(Step { name: name.to_owned(), passed, seconds: start.elapsed().as_secs_f64(), seen })
}

fn table(checked: &Checked) -> comfy_table::Table {
    let mut table = report::table(&["step", "", "seconds", "seen"]);
    let seconds = |seconds: f64| format!("{seconds:.1}");
    for (name, took, seen) in [
        ("packages and builds", checked.prepared_seconds, "0 where all is cached"),
        ("start", checked.start_seconds, "node Ready, names resolve"),
    ] {
        table.add_row([name, "✓", &seconds(took), seen]);
    }
    for Step { name, passed, seconds: took, seen } in &checked.steps {
        table.add_row([name.as_str(), if *passed { "✓" } else { "✗" }, &seconds(*took), seen]);
    }
    table.add_row(["stop", "✓", &seconds(checked.stop_seconds), "all processes and control groups are gone"]);
    table
}
