//! Proof: a draft becomes a task where what its programs did shows that its tests mean something.

use std::collections::BTreeSet;

use genesis_core::execution::{CallOutcome, ExecutionRecord, ExecutionVerdict};
use genesis_core::task::{Language, Task, TestCase, TestSuite};

use crate::draft::{Defect, Draft};
use crate::program::ENTRY;
use crate::selection::{Row, choose};

mod rejection;

pub use rejection::Rejection;

/// Tests of a task.
pub const TESTS: usize = 10;
/// Fewest inputs that must remain once those with long outputs are dropped.
pub const FEWEST_INPUTS: usize = 20;
/// Longest output a test may expect, in bytes of its literal.
pub const LONGEST_OUTPUT: usize = 400;
/// Fewest distinct outputs, unless the result is a truth value.
const FEWEST_OUTPUTS: usize = 4;
/// Fewest distinct outputs of a truth value.
const FEWEST_TRUTH_VALUES: usize = 2;

/// What the programs of a draft did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// The reference, per input.
    pub reference: Vec<CallOutcome>,
    /// Each mutant, per input: it differs from the reference, or raises where the reference does not.
    pub mutants: Vec<Vec<bool>>,
}

/// A task whose tests are proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The task.
    pub task: Task,
    /// Body of the reference program.
    pub reference: String,
    /// How many mutants the tests kill.
    pub killed: usize,
    /// How many there are.
    pub mutants: usize,
    /// The others: bugs that no candidate input could tell from the reference.
    pub survivors: Vec<Defect>,
}

/// Proves a draft by the records that answered [`Draft::requests`], in their order.
pub fn prove(draft: &Draft, records: &[ExecutionRecord]) -> Result<Proven, Rejection> {
    let outcomes = outcomes(draft, records)?;
    prove_outcomes(draft, &outcomes)
}

/// Takes the records apart into outcomes per program and input.
pub fn outcomes(draft: &Draft, records: &[ExecutionRecord]) -> Result<Outcomes, Rejection> {
    let [reference, comparison] = records else {
        return Err(Rejection::Unanswered { program: draft.id.clone(), expected: 2, got: records.len() });
    };
    let reference = values(reference, draft.inputs.len())?;
    let comparison = values(comparison, draft.inputs.len())?;
    let per_input = draft.inputs.iter().zip(comparison).map(|(input, outcome)| differences(draft, input, outcome));
    let per_input = per_input.collect::<Result<Vec<Vec<bool>>, Rejection>>()?;
    let mutants = (0..draft.mutants.len()).map(|mutant| per_input.iter().map(|input| input[mutant]).collect());
    Ok(Outcomes { reference: reference.to_vec(), mutants: mutants.collect() })
}

/// Which mutants differ on one input, from the string of `=` and `!` that the comparison returned.
fn differences(draft: &Draft, input: &str, outcome: &CallOutcome) -> Result<Vec<bool>, Rejection> {
    let fails = |outcome: &str| Rejection::ComparisonFails { input: input.to_owned(), outcome: outcome.to_owned() };
    let literal = match outcome {
        CallOutcome::Value(literal) => literal,
        CallOutcome::Raised(class) => return Err(fails(class)),
        CallOutcome::Lost => return Err(fails("no answer")),
    };
    let marks = literal.trim_matches(['\'', '"']);
    if marks.len() != draft.mutants.len() || marks.chars().any(|mark| !matches!(mark, '=' | '!')) {
        return Err(fails(literal));
    }
    Ok(marks.chars().map(|mark| mark == '!').collect())
}

fn values(record: &ExecutionRecord, expected: usize) -> Result<&[CallOutcome], Rejection> {
    if record.verdict == ExecutionVerdict::Infra {
        return Err(Rejection::Infra { program: record.id.clone(), reason: record.reason.clone() });
    }
    if record.values.len() != expected {
        return Err(Rejection::Unanswered { program: record.id.clone(), expected, got: record.values.len() });
    }
    Ok(&record.values)
}

/// Proves a draft by what its programs did. A pure function of its arguments.
pub fn prove_outcomes(draft: &Draft, outcomes: &Outcomes) -> Result<Proven, Rejection> {
    let pool = expected_values(draft, &outcomes.reference)?;
    check_variety(draft, &pool)?;
    let rows = rows(draft, &pool, &outcomes.mutants)?;
    let expected: Vec<String> = pool.iter().map(|(_, value)| value.clone()).collect();
    let chosen = choose(&[rows.clone(), constant_rows(&expected)].concat(), &expected, TESTS);
    check_kills(draft, &rows, &expected, &chosen)?;
    let survivors: Vec<Defect> = draft
        .mutants
        .iter()
        .zip(&rows)
        .filter(|(_, row)| !row.is_killed(&chosen))
        .map(|(mutant, _)| mutant.what.clone())
        .collect();
    let case = |position: usize| TestCase {
        args: vec![draft.inputs[pool[position].0].clone()],
        expected: expected[position].clone(),
    };
    Ok(Proven {
        task: Task {
            id: draft.id.clone(),
            family: draft.family.clone(),
            split: draft.split,
            language: Language::Python,
            prompt: draft.prompt.clone(),
            tests: TestSuite::Calls { entry: ENTRY.to_owned(), cases: chosen.iter().map(|&test| case(test)).collect() },
            extra: (0..pool.len()).filter(|position| !chosen.contains(position)).map(case).collect(),
        },
        reference: draft.reference.clone(),
        killed: rows.len() - survivors.len(),
        mutants: rows.len(),
        survivors,
    })
}

/// The inputs whose output is short enough, as (position, output).
fn expected_values(draft: &Draft, reference: &[CallOutcome]) -> Result<Vec<(usize, String)>, Rejection> {
    if reference.len() != draft.inputs.len() {
        let program = draft.id.clone();
        return Err(Rejection::Unanswered { program, expected: draft.inputs.len(), got: reference.len() });
    }
    let mut pool = Vec::new();
    for (position, outcome) in reference.iter().enumerate() {
        let fails = |outcome: &str| Rejection::ReferenceFails {
            input: draft.inputs[position].clone(),
            outcome: outcome.to_owned(),
        };
        match outcome {
            CallOutcome::Value(value) if value.len() <= LONGEST_OUTPUT => pool.push((position, value.clone())),
            CallOutcome::Value(_) => {}
            CallOutcome::Raised(class) => return Err(fails(class)),
            CallOutcome::Lost => return Err(fails("no answer")),
        }
    }
    Ok(pool)
}

fn check_variety(draft: &Draft, pool: &[(usize, String)]) -> Result<(), Rejection> {
    if pool.len() < FEWEST_INPUTS {
        return Err(Rejection::OutputsTooLong { kept: pool.len() });
    }
    let distinct = pool.iter().map(|(_, value)| value).collect::<BTreeSet<_>>().len();
    let needed = if draft.is_boolean { FEWEST_TRUTH_VALUES } else { FEWEST_OUTPUTS };
    if distinct < needed { Err(Rejection::TooUniform { distinct, needed }) } else { Ok(()) }
}

fn rows(draft: &Draft, pool: &[(usize, String)], mutants: &[Vec<bool>]) -> Result<Vec<Row>, Rejection> {
    let unanswered = |expected, got| Rejection::Unanswered { program: draft.id.clone(), expected, got };
    if mutants.len() != draft.mutants.len() {
        return Err(unanswered(draft.mutants.len(), mutants.len()));
    }
    let rows = draft.mutants.iter().zip(mutants).map(|(mutant, differs)| {
        if differs.len() != draft.inputs.len() {
            return Err(unanswered(draft.inputs.len(), differs.len()));
        }
        let killed_by = pool.iter().map(|(position, _)| differs[*position]).collect();
        Ok(Row { killed_by, required: mutant.what.ignores_a_step() })
    });
    rows.collect()
}

/// One row for each answer that always returns one of the expected values. Any constant that passes is among them,
/// and so is any answer that puts some constant in the place of a step: what follows it is a function of it alone.
fn constant_rows(expected: &[String]) -> Vec<Row> {
    let distinct: BTreeSet<&String> = expected.iter().collect();
    let row =
        |constant: &String| Row { killed_by: expected.iter().map(|value| value != constant).collect(), required: true };
    distinct.into_iter().map(row).collect()
}

fn check_kills(draft: &Draft, rows: &[Row], expected: &[String], chosen: &[usize]) -> Result<(), Rejection> {
    for (mutant, row) in draft.mutants.iter().zip(rows).filter(|(_, row)| !row.is_killed(chosen)) {
        let defect = mutant.what.clone();
        if row.required {
            return Err(Rejection::StepDoesNotMatter { defect });
        }
        if row.killed_by.contains(&true) {
            return Err(Rejection::TestsDoNotSuffice { defect });
        }
    }
    match chosen {
        [first, others @ ..] if others.iter().all(|&other| expected[other] == expected[*first]) => {
            Err(Rejection::ConstantPasses { literal: expected[*first].clone() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
