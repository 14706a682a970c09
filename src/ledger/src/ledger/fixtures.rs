//! Generations to test with.

use genesis_core::confidence::{Exposure, PatternStanding};
use genesis_core::digest::Digest;
use genesis_core::execution::{Capture, ExecutionRecord, ExecutionVerdict, Limits, Outcome, Termination, TestCounts};
use genesis_core::learning::{FailureKind, Lesson};
use genesis_core::quality::Quality;
use genesis_core::task::Language;
use tempfile::TempDir;

use super::{Ledger, LedgerOptions};
use crate::types::generation::{Arm, GateRecord, NewCandidate, NewGeneration, Pathway};
use crate::types::learning::NewLearning;
use crate::types::pattern::{NewPattern, PatternRecord, PatternUse};
use crate::types::{Scope, TaskRef};

/// A ledger in a folder that goes with it.
pub(crate) async fn ledger() -> (TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.db"), LedgerOptions::default()).await.unwrap();
    (folder, ledger)
}

pub(crate) fn scope() -> Scope {
    Scope::new("acme", "team/coder")
}

/// Digest of an adapter that `seed` names.
pub(crate) fn adapter(seed: &str) -> Digest {
    Digest::of_bytes(seed.as_bytes())
}

pub(crate) fn quality(score: f64) -> Quality {
    Quality { score, execution_success: 1.0, gate_pass: 1.0, no_validation_errors: 1.0, efficiency: 1.0 }
}

/// A candidate whose source is what makes it distinct.
pub(crate) fn candidate(source: &str, outcome: Outcome) -> NewCandidate {
    let verdict = match outcome {
        Outcome::Pass => ExecutionVerdict::Pass,
        Outcome::Fail => ExecutionVerdict::WrongAnswer,
        Outcome::Infra => ExecutionVerdict::Infra,
        Outcome::Unverified => ExecutionVerdict::Unverified,
    };
    let execution = ExecutionRecord {
        id: format!("execution of {source}"),
        code: Digest::of_bytes(source.as_bytes()),
        tests_digest: None,
        verdict,
        reason: String::new(),
        termination: Termination::Exit(0),
        cpu_ms: 3,
        wall_ms: 5,
        peak_bytes: 1 << 20,
        stdout: Capture::default(),
        stderr: Capture::default(),
        tests: TestCounts { declared: 3, executed: 3, passed: 3 },
        values: Vec::new(),
        limits: Limits::default(),
        supervisor: "0".into(),
        isolation: "test".into(),
        deduplicated: false,
    };
    NewCandidate {
        pathway: Pathway::Analytical,
        completion: format!("{source}\n"),
        source: source.to_owned(),
        normalised: Digest::of_bytes(source.as_bytes()),
        patterns_shown: Vec::new(),
        patterns_withheld: Vec::new(),
        gate: GateRecord {
            passed: true,
            warnings: 0,
            ruleset: Digest::of_bytes(b"rules"),
            findings: serde_json::json!([]),
            micros: 20,
        },
        execution: Some(execution),
        outcome,
        quality: (outcome != Outcome::Infra).then(|| quality(if outcome == Outcome::Pass { 0.95 } else { 0.4 })),
        enters_corpus: outcome == Outcome::Pass,
    }
}

/// A generation of `task` with a failing and a passing candidate: one learning, one corpus entry, one pattern.
pub(crate) fn generation(key: &str, task: &str) -> NewGeneration {
    NewGeneration {
        scope: scope(),
        idempotency_key: key.to_owned(),
        request: Digest::of_bytes(task.as_bytes()),
        session: Some("s".into()),
        arm: Arm::Stable,
        served_name: "coder".into(),
        adapter: None,
        task: Some(TaskRef { id: task.to_owned(), family: format!("family of {task}") }),
        language: Language::Python,
        prompt: format!("def {task}(numbers): solve {task}"),
        answered: Some(1),
        outcome: Outcome::Pass,
        quality: Some(quality(0.95)),
        first_sample: Outcome::Fail,
        candidates: vec![
            candidate(&format!("wrong {task}"), Outcome::Fail),
            candidate(&format!("right {task}"), Outcome::Pass),
        ],
        learnings: vec![NewLearning {
            lesson: Lesson { kind: FailureKind::WrongValue, detail: "wrong value".into() },
            candidate: 0,
        }],
        patterns: vec![NewPattern {
            id: format!("pattern of {task}"),
            title: task.to_owned(),
            prompt: format!("def {task}(numbers): solve {task}"),
            body: format!("right {task}"),
            candidate: 1,
        }],
        pattern_uses: Vec::new(),
        relations: Vec::new(),
        response: serde_json::json!({"code": format!("right {task}"), "key": key}),
        at_ms: 1_000,
    }
}

/// The same, without anything about patterns.
pub(crate) fn plain(key: &str, task: &str) -> NewGeneration {
    NewGeneration { patterns: Vec::new(), ..generation(key, task) }
}

/// The same, answered by an adapter.
pub(crate) fn by(adapter_seed: &str, generation: NewGeneration) -> NewGeneration {
    let adapter = adapter(adapter_seed);
    NewGeneration { served_name: format!("coder-{}", adapter.short()), adapter: Some(adapter), ..generation }
}

/// One use of a pattern by the passing candidate.
pub(crate) fn used(pattern: &str, exposure: Exposure, outcome: Outcome) -> PatternUse {
    PatternUse {
        pattern: pattern.to_owned(),
        candidate: 1,
        exposure,
        propensity: 0.9,
        in_context: 1,
        outcome,
        quality: if outcome == Outcome::Pass { 0.95 } else { 0.4 },
    }
}

pub(crate) fn pattern_record(id: &str) -> PatternRecord {
    PatternRecord {
        id: id.to_owned(),
        model: "team/coder".into(),
        version: 1,
        revision: 1,
        title: id.to_owned(),
        prompt: id.to_owned(),
        body: id.to_owned(),
        language: Language::Python,
        task: Some(TaskRef { id: format!("task of {id}"), family: format!("family of {id}") }),
        generation: "g".into(),
        execution: Some("e".into()),
        adapter: None,
        standing: PatternStanding::default(),
        uses: 0,
        successes: 0,
        verified_tasks: 1,
        retired: false,
        at_ms: 0,
    }
}
