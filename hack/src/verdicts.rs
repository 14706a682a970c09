//! `cargo dev verdicts`: HumanEval through gate and sandbox. Right programs pass, empty ones do not, and what slips
//! through with one changed operator is what HumanEval's own tests let through.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use genesis_core::execution::{ExecutionRequest, ExecutionVerdict, Limits};
use genesis_core::task::Language;
use genesis_gate::Gate;
use genesis_tasks::humaneval::{self, HumanEvalProblem};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::report;
use crate::sandbox::OwnPool;

/// The report.
#[derive(Debug, Serialize)]
pub struct Verdicts {
    problems: usize,
    canonical_passed: usize,
    canonical_failed: Vec<String>,
    pass_bodies_passed: usize,
    mutants: usize,
    mutants_passed: usize,
    mutant_verdicts: BTreeMap<String, usize>,
    gate_blocked: Vec<Blocked>,
    infra: usize,
    seconds: f64,
}

/// A canonical solution that the gate would not let run.
#[derive(Debug, Serialize)]
struct Blocked {
    task: String,
    rule: String,
    sandbox: String,
}

/// Runs all programs and prints the table.
pub fn run() -> Result<Verdicts> {
    let clock = std::time::Instant::now();
    let problems = humaneval::read(humaneval::VENDORED)?;
    let pool = OwnPool::start()?;
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let execute = |what: &str, programs: Vec<ExecutionRequest>| -> Result<Vec<ExecutionVerdict>> {
        bar.set_message(format!("{}: {} programs", what.to_owned(), programs.len()));
        let records = pool.client().execute(&programs)?;
        Ok(records.into_iter().map(|record| record.verdict).collect())
    };

    let canonical = execute("canonical", problems.iter().map(|p| request(p, &p.canonical_solution)).collect())?;
    let empty = execute("pass", problems.iter().map(|p| request(p, humaneval::PASS_BODY)).collect())?;
    let changed: Vec<ExecutionRequest> =
        problems.iter().flat_map(|p| p.mutants().into_iter().map(|m| request(p, &m.body))).collect();
    let mutants = changed.len();
    let verdicts = execute("mutants", changed)?;
    bar.finish_and_clear();

    let mut mutant_verdicts: BTreeMap<String, usize> = BTreeMap::new();
    for verdict in &verdicts {
        *mutant_verdicts.entry(verdict.to_string()).or_default() += 1;
    }
    let passes =
        |verdicts: &[ExecutionVerdict]| verdicts.iter().filter(|verdict| **verdict == ExecutionVerdict::Pass).count();
    let infra =
        |verdicts: &[ExecutionVerdict]| verdicts.iter().filter(|verdict| **verdict == ExecutionVerdict::Infra).count();
    let failed = problems.iter().zip(&canonical).filter(|(_, verdict)| **verdict != ExecutionVerdict::Pass);
    let found = Verdicts {
        problems: problems.len(),
        canonical_passed: passes(&canonical),
        canonical_failed: failed.map(|(problem, verdict)| format!("{} {verdict}", problem.task.id)).collect(),
        pass_bodies_passed: passes(&empty),
        mutants,
        mutants_passed: passes(&verdicts),
        mutant_verdicts,
        gate_blocked: blocked(&problems, &canonical),
        infra: infra(&canonical) + infra(&empty) + infra(&verdicts),
        seconds: clock.elapsed().as_secs_f64(),
    };
    found.print();
    println!("report: {}", report::write("verdicts", &found)?.display());
    found.verify()?;
    Ok(found)
}

fn request(problem: &HumanEvalProblem, body: &str) -> ExecutionRequest {
    ExecutionRequest {
        id: problem.task.id.clone(),
        language: Language::Python,
        source: problem.program(body),
        tests: Some(problem.task.tests.clone()),
        capture: false,
        limits: Limits { cpu_ms: 10_000, wall_ms: 20_000, ..Limits::default() },
    }
}

fn blocked(problems: &[HumanEvalProblem], sandbox: &[ExecutionVerdict]) -> Vec<Blocked> {
    let gate = Gate::default();
    let check = |(problem, sandbox): (&HumanEvalProblem, &ExecutionVerdict)| {
        let verdict = gate.check(Language::Python, &problem.program(&problem.canonical_solution));
        let rule = verdict.blocked_by()?.to_owned();
        Some(Blocked { task: problem.task.id.clone(), rule, sandbox: sandbox.to_string() })
    };
    problems.iter().zip(sandbox).filter_map(check).collect()
}

impl Verdicts {
    fn print(&self) {
        let mut table = report::table(&["programs", "of", "pass in the sandbox"]);
        table.add_row(["canonical solutions".to_owned(), self.problems.to_string(), self.canonical_passed.to_string()]);
        table.add_row(["bodies of pass".to_owned(), self.problems.to_string(), self.pass_bodies_passed.to_string()]);
        table.add_row(["mutated solutions".to_owned(), self.mutants.to_string(), self.mutants_passed.to_string()]);
        println!("{table}");
        for Blocked { task, rule, sandbox } in &self.gate_blocked {
            println!("the gate blocks {task} by {rule}; the sandbox says {sandbox}");
        }
    }

    fn verify(&self) -> Result<()> {
        ensure!(self.canonical_failed.is_empty(), "canonical solutions failed: {}", self.canonical_failed.join(", "));
        ensure!(self.pass_bodies_passed == 0, "{} bodies of pass passed", self.pass_bodies_passed);
        ensure!(self.infra == 0, "{} programs met an infra outcome", self.infra);
        Ok(())
    }
}
