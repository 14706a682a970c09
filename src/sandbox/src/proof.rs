//! Proof that each protection is in force on this machine, by trying to do without it.
//!
//! Nothing is taken from what was asked of the kernel: a program in a cell tries, and the outcome counts.

mod programs;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use genesis_core::execution::{CallOutcome, ExecutionRecord, ExecutionVerdict as Verdict, Termination};
use serde::Serialize;

use crate::cell::{LaunchError, Stage};
use crate::surroundings::Surroundings;
use crate::worker::{SetupError, Worker, Workshop};
use programs::{Expect, PROOFS, Protection};

/// Whether one protection is in force, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Name of the protection.
    pub protection: &'static str,
    /// Whether it is in force.
    pub granted: bool,
    /// What was seen.
    pub evidence: String,
    /// What to do where it is not.
    pub remedy: &'static str,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.protection, self.evidence)?;
        if self.granted { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

/// Namespaces of a cell, as the kernel names them.
const NAMESPACES: [(&str, &str); 7] = [
    ("user namespace", "user"),
    ("pid namespace", "pid"),
    ("mount namespace", "mnt"),
    ("network namespace", "net"),
    ("ipc namespace", "ipc"),
    ("uts namespace", "uts"),
    ("cgroup namespace", "cgroup"),
];

/// Proves every protection for programs on one interpreter, or names the first step that this machine refuses.
pub fn check(python: &Path) -> Vec<Proof> {
    let start = || Worker::start(Arc::new(Workshop::open(python)?));
    match start() {
        Ok(mut worker) => prove(&mut worker),
        Err(error) => vec![refused(&error)],
    }
}

/// A machine on which no cell can be built.
fn refused(error: &SetupError) -> Proof {
    let (protection, remedy) = match error {
        SetupError::Launch(LaunchError::NotGranted { stage, .. }) => (stage.protection(), stage.remedy()),
        SetupError::Launch(LaunchError::Mapping(_)) => (Stage::Identity.protection(), Stage::Identity.remedy()),
        SetupError::Launch(LaunchError::Cgroup(_)) | SetupError::Cgroup(_) => ("cgroup", programs::GROUPS),
        SetupError::Identity(_) => ("user namespace", "give the container at least 8192 user ids"),
        SetupError::Blueprint(_) => ("mount namespace and seccomp", Stage::Mounts.remedy()),
        SetupError::Runtime(_) | SetupError::Launch(_) => ("python", Stage::Interpreter.remedy()),
    };
    Proof { protection, granted: false, evidence: error.to_string(), remedy }
}

/// Proves every protection in the cells of one worker.
pub(crate) fn prove(worker: &mut Worker) -> Vec<Proof> {
    let surroundings = worker.surroundings();
    let mut proofs = match surroundings {
        Surroundings::Linux => namespaces(worker),
        Surroundings::Gvisor => vec![kernel(), bare(worker)],
    };
    let mut facts = None;
    for protection in PROOFS.iter().filter(|protection| protection.is_promised(surroundings)) {
        let evidence = match protection.expect {
            Expect::Fact { key, value } => {
                let facts = facts.get_or_insert_with(|| see(worker));
                compare(facts, key, value)
            }
            Expect::Ending { verdict, termination } => {
                ended(&worker.execute(&protection.request()), verdict, termination)
            }
        };
        proofs.push(proof(protection, evidence));
    }
    proofs
}

fn proof(protection: &Protection, evidence: Result<String, String>) -> Proof {
    let granted = evidence.is_ok();
    let evidence = evidence.unwrap_or_else(|evidence| evidence);
    Proof { protection: protection.name, granted, evidence, remedy: protection.remedy }
}

/// Compares the namespaces of pid 1 of the cell with the supervisor's, from outside.
fn namespaces(worker: &Worker) -> Vec<Proof> {
    let id = |process: &str, kind: &str| {
        std::fs::read_link(format!("/proc/{process}/ns/{kind}")).map(|link| link.display().to_string())
    };
    let zygote = worker.zygote().map(|pid| pid.to_string()).unwrap_or_default();
    let compare = |&(protection, kind): &(&'static str, &str)| {
        let (granted, evidence) = match (id("self", kind), id(&zygote, kind)) {
            (Ok(outside), Ok(inside)) => (outside != inside, format!("{inside} inside, {outside} outside")),
            (Err(error), _) | (_, Err(error)) => (false, format!("cannot be compared: {error}")),
        };
        Proof { protection, granted, evidence, remedy: "allow this kind of namespace (sysctl user.max_*_namespaces)" }
    };
    NAMESPACES.iter().map(compare).collect()
}

/// gVisor's word that it is the kernel, as the supervisor found it.
fn kernel() -> Proof {
    let evidence = std::fs::read_to_string("/proc/version").unwrap_or_default().trim().to_owned();
    Proof { protection: "gvisor", granted: true, evidence, remedy: "" }
}

/// What every program inherits from pid 1 of its cell, read from outside: gVisor's cells have no `/proc`.
fn bare(worker: &Worker) -> Proof {
    let zygote = worker.zygote().unwrap_or_default();
    let status = std::fs::read_to_string(format!("/proc/{zygote}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map_or("", str::trim);
    let none = |name| u64::from_str_radix(field(name), 16) == Ok(0);
    let granted = none("CapInh:") && none("CapPrm:") && none("CapEff:") && none("CapBnd:") && field("Seccomp:") == "2";
    let evidence = format!("CapPrm {}, CapBnd {}, Seccomp {}", field("CapPrm:"), field("CapBnd:"), field("Seccomp:"));
    Proof { protection: "no capabilities, seccomp", granted, evidence, remedy: programs::SECCOMP }
}

/// What a program sees: a dict of facts, as canonical texts.
fn see(worker: &mut Worker) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let record = worker.execute(&programs::facts());
    let Some(CallOutcome::Value(text)) = record.values.first() else {
        return Err(format!("the probe did not run: {} ({})", record.reason, record.verdict));
    };
    // The harness answers with a Python literal of texts, numbers, lists and one dict: JSON but for the quotes.
    let json = text.replace('\'', "\"").replace("True", "true").replace("False", "false");
    serde_json::from_str(&json).map_err(|error| format!("the probe's answer cannot be read: {error}"))
}

fn compare(
    facts: &Result<serde_json::Map<String, serde_json::Value>, String>,
    key: &str,
    wanted: &str,
) -> Result<String, String> {
    let seen = facts.as_ref().map_err(Clone::clone)?.get(key).map(ToString::to_string).unwrap_or_default();
    if seen == wanted { Ok(format!("{key}: {seen}")) } else { Err(format!("{key}: {seen}, not {wanted}")) }
}

fn ended(record: &ExecutionRecord, verdict: Verdict, termination: Termination) -> Result<String, String> {
    let seen = format!("{} ({:?}): {}", record.verdict, record.termination, record.reason);
    if record.verdict == verdict && record.termination == termination {
        Ok(seen)
    } else {
        Err(format!("{seen}; not {verdict} ({termination:?})"))
    }
}
