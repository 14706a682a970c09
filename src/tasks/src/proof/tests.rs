use genesis_core::task::Split;
use proptest::prelude::*;

use super::*;
use crate::draft::Mutant;
use crate::fixtures::record;

const INPUTS: i64 = 24;

/// A draft over the integers from 0, with a mutant for each defect.
fn draft(defects: &[Defect]) -> Draft {
    Draft {
        id: "N:square/1".to_owned(),
        family: "N:square".to_owned(),
        split: Split::Loop,
        prompt: "def solve(n: int) -> int:\n    \"\"\"Square it.\"\"\"\n".to_owned(),
        reference: "    return n * n\n".to_owned(),
        mutants: defects.iter().map(|what| Mutant { what: what.clone(), source: what.to_string() }).collect(),
        inputs: (0..INPUTS).map(|input| input.to_string()).collect(),
        is_boolean: false,
    }
}

fn value(number: i64) -> CallOutcome {
    CallOutcome::Value(number.to_string())
}

fn run(program: impl Fn(i64) -> i64) -> Vec<CallOutcome> {
    (0..INPUTS).map(|input| value(program(input))).collect()
}

fn square() -> Vec<CallOutcome> {
    run(|n| n * n)
}

const BUG: Defect = Defect::Bug { step: 1, template: 0 };
const LEFT_OUT: Defect = Defect::LeftOut { first: 1, last: 1 };
const CONSTANT: Defect = Defect::Constant { step: 1, literal: "0" };

/// Where a program differs from the square.
fn differs(program: impl Fn(i64) -> i64) -> Vec<bool> {
    (0..INPUTS).map(|n| program(n) != n * n).collect()
}

fn prove_with(mutants: Vec<(Defect, Vec<bool>)>) -> Result<Proven, Rejection> {
    let (defects, mutants): (Vec<Defect>, Vec<_>) = mutants.into_iter().unzip();
    prove_outcomes(&draft(&defects), &Outcomes { reference: square(), mutants })
}

#[test]
fn a_proven_task_has_ten_tests_and_keeps_the_other_inputs() {
    let late = differs(|n| if n == 17 { 0 } else { n * n });
    let proven = prove_with(vec![(LEFT_OUT, differs(|n| n)), (BUG, late), (CONSTANT, differs(|_| 0))]).unwrap();
    let TestSuite::Calls { entry, cases } = &proven.task.tests else { panic!("calls") };
    assert_eq!(entry, "solve");
    assert_eq!(cases.len(), TESTS);
    assert_eq!((cases[0].args[0].as_str(), cases[1].args[0].as_str()), ("0", "1"), "the edge cases come first");
    assert!(cases.contains(&TestCase { args: vec!["17".to_owned()], expected: "289".to_owned() }));
    assert_eq!(proven.task.extra.len(), INPUTS as usize - TESTS);
    assert!(proven.task.extra.iter().all(|case| !cases.contains(case)));
    assert_eq!((proven.killed, proven.mutants), (3, 3));
    assert_eq!(proven.task.split, Split::Loop);
}

#[test]
fn a_bug_may_survive_only_where_no_input_shows_it() {
    let proven = prove_with(vec![(BUG, differs(|n| n * n)), (LEFT_OUT, differs(|n| n))]).unwrap();
    assert_eq!((proven.killed, proven.mutants), (1, 2));
    assert_eq!(proven.survivors, [BUG]);
}

#[test]
fn an_answer_that_ignores_a_step_must_fail() {
    for defect in [LEFT_OUT, CONSTANT] {
        let rejection = prove_with(vec![(defect.clone(), differs(|n| n * n))]).unwrap_err();
        assert_eq!(rejection, Rejection::StepDoesNotMatter { defect });
    }
}

#[test]
fn more_bugs_than_tests_are_refused() {
    let bugs = (3..20)
        .map(|at| (Defect::Bug { step: 1, template: at as usize }, differs(|n| if n == at { -1 } else { n * n })));
    assert!(matches!(prove_with(bugs.collect()), Err(Rejection::TestsDoNotSuffice { .. })));
}

#[test]
fn a_reference_that_fails_is_refused() {
    for (outcome, said) in
        [(CallOutcome::Raised("IndexError".to_owned()), "IndexError"), (CallOutcome::Lost, "no answer")]
    {
        let mut reference = square();
        reference[3] = outcome;
        let rejection = prove_outcomes(&draft(&[]), &Outcomes { reference, mutants: vec![] }).unwrap_err();
        assert_eq!(rejection, Rejection::ReferenceFails { input: "3".to_owned(), outcome: said.to_owned() });
    }
}

#[test]
fn uniform_outputs_are_refused() {
    let mut draft = draft(&[]);
    let modulo = |m: i64| Outcomes { reference: run(|n| n % m), mutants: vec![] };
    let rejection = prove_outcomes(&draft, &modulo(3)).unwrap_err();
    assert_eq!(rejection, Rejection::TooUniform { distinct: 3, needed: 4 });
    assert!(prove_outcomes(&draft, &modulo(4)).is_ok());
    draft.is_boolean = true;
    assert!(prove_outcomes(&draft, &modulo(2)).is_ok());
    let rejection = prove_outcomes(&draft, &modulo(1)).unwrap_err();
    assert_eq!(rejection, Rejection::TooUniform { distinct: 1, needed: 2 });
}

#[test]
fn tests_of_a_truth_value_expect_both() {
    let mut draft = draft(&[]);
    draft.is_boolean = true;
    let reference = run(|n| i64::from(n == 23));
    let proven = prove_outcomes(&draft, &Outcomes { reference, mutants: vec![] }).unwrap();
    let TestSuite::Calls { cases, .. } = &proven.task.tests else { panic!("calls") };
    assert!(cases.iter().any(|case| case.expected == "1"), "the one input with another value is a test");
}

#[test]
fn long_outputs_are_no_tests() {
    let long = |from: i64| Outcomes {
        reference: (0..INPUTS)
            .map(|n| if n < from { value(n) } else { CallOutcome::Value("9".repeat(LONGEST_OUTPUT + 1)) })
            .collect(),
        mutants: vec![],
    };
    let proven = prove_outcomes(&draft(&[]), &long(21)).unwrap();
    assert_eq!(proven.task.extra.len() + TESTS, 21);
    assert_eq!(prove_outcomes(&draft(&[]), &long(19)), Err(Rejection::OutputsTooLong { kept: 19 }));
}

#[test]
fn records_are_taken_apart_by_mutant_and_input() {
    let draft = draft(&[LEFT_OUT, BUG]);
    let requests = draft.requests();
    let marks = (0..INPUTS).map(|n| CallOutcome::Value(if n < 2 { "'=!'" } else { "'!='" }.to_owned())).collect();
    let records = [record(&requests[0], square()), record(&requests[1], marks)];
    let left_out = differs(|n| n);
    let bug = left_out.iter().map(|differs| !differs).collect();
    let expected = Outcomes { reference: square(), mutants: vec![left_out, bug] };
    assert_eq!(outcomes(&draft, &records), Ok(expected));
    assert!(prove(&draft, &records).is_ok());

    assert!(matches!(prove(&draft, &records[..1]), Err(Rejection::Unanswered { expected: 2, got: 1, .. })));
    let mut short = records.clone();
    short[0].values.truncate(7);
    assert!(matches!(prove(&draft, &short), Err(Rejection::Unanswered { expected: 24, got: 7, .. })));
    let mut infra = records.clone();
    infra[1].verdict = ExecutionVerdict::Infra;
    assert!(prove(&draft, &infra).unwrap_err().is_infra());
}

#[test]
fn a_comparison_that_says_nothing_proves_nothing() {
    let draft = draft(&[LEFT_OUT, BUG]);
    let requests = draft.requests();
    for (outcome, said) in [
        (CallOutcome::Lost, "no answer"),
        (CallOutcome::Raised("MemoryError".to_owned()), "MemoryError"),
        (CallOutcome::Value("'='".to_owned()), "'='"),
        (CallOutcome::Value("'=?'".to_owned()), "'=?'"),
    ] {
        let mut marks = vec![CallOutcome::Value("'!!'".to_owned()); INPUTS as usize];
        marks[5] = outcome;
        let records = [record(&requests[0], square()), record(&requests[1], marks)];
        let rejection = prove(&draft, &records).unwrap_err();
        assert_eq!(rejection, Rejection::ComparisonFails { input: "5".to_owned(), outcome: said.to_owned() });
    }
}

proptest! {
    /// Whatever the mutants do: the tests of a proven task fail every answer that ignores a step, every constant, and
    /// every bug that shows at all.
    #[test]
    fn a_proof_keeps_its_promise(
        wrong in proptest::collection::vec((0..4_usize, proptest::collection::vec(proptest::bool::weighted(0.2), 24)), 1..12)
    ) {
        let mutants: Vec<(Defect, Vec<bool>)> = wrong
            .into_iter()
            .map(|(kind, wrong)| ([BUG, LEFT_OUT, CONSTANT, Defect::Swapped { step: 1 }][kind].clone(), wrong))
            .collect();
        if let Ok(proven) = prove_with(mutants.clone()) {
            let TestSuite::Calls { cases, .. } = &proven.task.tests else { panic!("calls") };
            let tests: Vec<usize> = cases.iter().map(|case| case.args[0].parse().unwrap()).collect();
            for (defect, differs) in &mutants {
                let killed = tests.iter().any(|&test| differs[test]);
                prop_assert!(killed || (!defect.ignores_a_step() && !differs.contains(&true)));
            }
            prop_assert!(cases.iter().any(|case| case.expected != cases[0].expected));
        }
    }
}
