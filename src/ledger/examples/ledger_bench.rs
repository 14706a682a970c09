//! Prints how many generations a ledger commits: `cargo run -p genesis-ledger --example ledger_bench -- [callers] [seconds]`.
//!
//! Each generation has eight candidates with their gate verdicts and execution records, four learnings, four uses of
//! two patterns and a relation. Every caller waits for its commit before it sends the next.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use genesis_core::Digest;
use genesis_core::confidence::Exposure;
use genesis_core::execution::{Capture, ExecutionRecord, ExecutionVerdict, Limits, Outcome, Termination, TestCounts};
use genesis_core::learning::{FailureKind, Lesson, Relation};
use genesis_core::quality::Quality;
use genesis_core::task::Language;
use genesis_ledger::types::generation::{Arm, GateRecord, NewCandidate, NewGeneration, Pathway};
use genesis_ledger::types::learning::NewLearning;
use genesis_ledger::types::pattern::{NewPattern, NewRelation, PatternUse};
use genesis_ledger::{Ledger, LedgerOptions, ProjectionOptions, Projections, Scope, TaskRef};

const CANDIDATES: u32 = 8;
const PATTERNS: [&str; 2] = ["first", "second"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let callers: usize = arguments.next().map_or(Ok(16), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("genesis-ledger-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = measure(&folder, callers, Duration::from_secs(seconds)).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn measure(folder: &Path, callers: usize, time: Duration) -> Result<(), Box<dyn Error>> {
    let path = folder.join("ledger.db");
    let ledger = Ledger::open(&path, LedgerOptions::default()).await?;
    ledger.record_generation(seed()).await?;
    let (started, processor) = (Instant::now(), processor_ms()?);
    let tasks: Vec<_> = (0..callers).map(|caller| tokio::spawn(call(ledger.clone(), caller, started + time))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await?);
    }
    let (elapsed, processor) = (started.elapsed().as_secs_f64(), processor_ms()? - processor);
    waits.sort_unstable();
    let at = |percent: usize| waits.get((waits.len().max(1) - 1) * percent / 100).copied().unwrap_or_default();
    println!(
        "{callers} callers: {:.0} generations/s with {CANDIDATES} candidates each, commit p50 {:.1} ms, p99 {:.1} ms, \
         {:.2} ms of processor and {:.1} KiB each",
        waits.len() as f64 / elapsed,
        at(50).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3,
        processor / waits.len() as f64,
        std::fs::metadata(&path)?.len() as f64 / 1024.0 / waits.len() as f64,
    );
    let started = Instant::now();
    let projections = Arc::new(Projections::open(ledger.clone(), ProjectionOptions::default()).await?);
    let events = ledger.head().await?;
    println!("projections: {:.0} events/s", events as f64 / started.elapsed().as_secs_f64());
    let started = Instant::now();
    ledger.learning_snapshot(&scope(), 0, 4).await?;
    println!("learning snapshot: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    let started = Instant::now();
    let verified = projections.verify().await?;
    let matching = verified.iter().all(genesis_ledger::projections::Verification::matches);
    println!("verified in {:.1} ms: matches = {matching}", started.elapsed().as_secs_f64() * 1e3);
    ledger.close().await;
    Ok(())
}

/// Processor time of this process so far, milliseconds: what the machine's other load does not change.
fn processor_ms() -> Result<f64, Box<dyn Error>> {
    let mut threads = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let nanos = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        threads += nanos.split_whitespace().next().map_or(Ok(0.0), str::parse::<f64>)?;
    }
    Ok(threads / 1e6)
}

async fn call(ledger: Ledger, caller: usize, until: Instant) -> Vec<Duration> {
    let mut waits = Vec::new();
    while Instant::now() < until {
        let new = generation(&format!("{caller}-{}", waits.len()));
        let started = Instant::now();
        match ledger.record_generation(new).await {
            Ok(_) => waits.push(started.elapsed()),
            Err(error) => {
                println!("refused: {error}");
                break;
            }
        }
    }
    waits
}

fn scope() -> Scope {
    Scope::new("bench", "bench/model")
}

/// The first generation: it earns the two patterns.
fn seed() -> NewGeneration {
    let pattern = |id: &&str| NewPattern {
        id: (*id).to_owned(),
        title: (*id).to_owned(),
        prompt: format!("def {id}(numbers):"),
        body: "return sum(numbers)".into(),
        candidate: 0,
    };
    let patterns = PATTERNS.iter().map(pattern).collect();
    NewGeneration { patterns, pattern_uses: Vec::new(), relations: Vec::new(), ..generation("seed") }
}

fn generation(key: &str) -> NewGeneration {
    let shown = |candidate, pattern: &&str| PatternUse {
        pattern: (*pattern).to_owned(),
        candidate,
        exposure: if candidate % 2 == 0 { Exposure::Shown } else { Exposure::Withheld },
        propensity: 0.5,
        in_context: 2,
        outcome: Outcome::Pass,
        quality: 0.95,
    };
    let lesson = Lesson { kind: FailureKind::WrongValue, detail: "wrong value".into() };
    NewGeneration {
        scope: scope(),
        idempotency_key: key.to_owned(),
        request: Digest::of_bytes(key.as_bytes()),
        session: None,
        arm: Arm::Stable,
        served_name: "bench".into(),
        adapter: None,
        task: Some(TaskRef { id: format!("task {key}"), family: "family".into() }),
        language: Language::Python,
        prompt: "def solve(numbers, limit):\n    \"\"\"Sum of the numbers below the limit.\"\"\"\n".into(),
        answered: Some(0),
        outcome: Outcome::Pass,
        quality: Some(quality()),
        first_sample: Outcome::Pass,
        candidates: (0..CANDIDATES).map(|i| candidate(key, i)).collect(),
        learnings: (0..CANDIDATES / 2).map(|i| NewLearning { lesson: lesson.clone(), candidate: 2 * i + 1 }).collect(),
        patterns: Vec::new(),
        pattern_uses: (0..2)
            .flat_map(|candidate| PATTERNS.iter().map(move |pattern| shown(candidate, pattern)))
            .collect(),
        relations: vec![NewRelation { from: PATTERNS[0].into(), to: PATTERNS[1].into(), kind: Relation::UsedTogether }],
        response: serde_json::json!({"code": "return sum(n for n in numbers if n < limit)"}),
        at_ms: 0,
    }
}

fn candidate(key: &str, position: u32) -> NewCandidate {
    let passed = position.is_multiple_of(2);
    let source = format!(
        "def solve(numbers, limit):\n    # {key} {position}\n    return sum(n for n in numbers if n < limit)\n"
    );
    let execution = ExecutionRecord {
        id: format!("{key}-{position}"),
        code: Digest::of_bytes(source.as_bytes()),
        tests_digest: Some(Digest::of_bytes(b"tests")),
        verdict: if passed { ExecutionVerdict::Pass } else { ExecutionVerdict::WrongAnswer },
        reason: "call 2: wrong value".into(),
        termination: Termination::Exit(0),
        cpu_ms: 12,
        wall_ms: 20,
        peak_bytes: 9 << 20,
        stdout: Capture::default(),
        stderr: Capture::default(),
        tests: TestCounts { declared: 10, executed: 10, passed: if passed { 10 } else { 9 } },
        values: Vec::new(),
        limits: Limits::default(),
        supervisor: "bench".into(),
        isolation: "none".into(),
        deduplicated: false,
    };
    NewCandidate {
        pathway: Pathway::Creative,
        completion: "    return sum(n for n in numbers if n < limit)\n".into(),
        normalised: Digest::of_bytes(source.as_bytes()),
        source,
        patterns_shown: vec![PATTERNS[0].into()],
        patterns_withheld: vec![PATTERNS[1].into()],
        gate: GateRecord {
            passed: true,
            warnings: 0,
            ruleset: Digest::of_bytes(b"rules"),
            findings: serde_json::json!([]),
            micros: 80,
        },
        execution: Some(execution),
        outcome: if passed { Outcome::Pass } else { Outcome::Fail },
        quality: Some(quality()),
        enters_corpus: passed,
    }
}

fn quality() -> Quality {
    Quality { score: 0.95, execution_success: 1.0, gate_pass: 1.0, no_validation_errors: 1.0, efficiency: 0.5 }
}
