use std::collections::HashSet;
use std::convert::Infallible;

use genesis_core::Digest;
use genesis_core::execution::{CallOutcome, ExecutionVerdict};
use genesis_core::task::TestSuite;
use proptest::prelude::*;

use super::*;
use crate::family::family_split;
use crate::fixtures::record;
use crate::standard::{StandardSizes, SuiteSize, standard};

/// The input of every call of a request.
fn inputs(request: &ExecutionRequest) -> Vec<String> {
    match &request.tests {
        Some(TestSuite::Calls { cases, .. }) => cases.iter().flat_map(|case| case.args.clone()).collect(),
        _ => Vec::new(),
    }
}

/// A sandbox in which the reference gives a digest of its input, and each mutant differs.
#[allow(clippy::unnecessary_wraps, reason = "the signature of a sandbox")]
fn obliging(requests: Vec<ExecutionRequest>) -> Result<Vec<ExecutionRecord>, Infallible> {
    let answer = |request: &ExecutionRequest| {
        let mutants = request.source.matches("def solve_").count().saturating_sub(1);
        let value = |input: &String| match mutants {
            0 => Digest::of_bytes(input.as_bytes()).short().to_owned(),
            _ => format!("'{}'", "!".repeat(mutants)),
        };
        record(request, inputs(request).iter().map(|input| CallOutcome::Value(value(input))).collect())
    };
    Ok(requests.iter().map(answer).collect())
}

fn plan(count: usize, seed: u64) -> SuitePlan {
    SuitePlan::draw("test", Split::Loop, count, 3, seed)
}

fn ids(built: &BuiltSuite) -> Vec<&str> {
    built.suite.tasks.iter().map(|task| task.id.as_str()).collect()
}

#[test]
fn a_suite_has_its_families_and_unique_prompts() {
    let universe = Universe::load().unwrap();
    let mut taken = Taken::default();
    let built = build(&universe, &plan(20, 1), &mut taken, &mut obliging).unwrap();
    assert_eq!(built.suite.tasks.len(), 60);
    let prompts: HashSet<&String> = built.suite.tasks.iter().map(|task| &task.prompt).collect();
    assert_eq!(prompts.len(), 60);
    assert_eq!(taken.prompts.len(), 60);
    let families: HashSet<&String> = built.suite.tasks.iter().map(|task| &task.family).collect();
    assert_eq!(families.len(), 20);
    for task in &built.suite.tasks {
        assert_eq!(family_split(&task.family), Ok(Split::Loop));
        assert!(built.references[&task.id].starts_with("    "));
    }
    assert_eq!(built.killed, built.mutants);
}

#[test]
fn a_suite_is_the_same_for_a_seed() {
    let universe = Universe::load().unwrap();
    let make = |seed| build(&universe, &plan(6, seed), &mut Taken::default(), &mut obliging).unwrap();
    assert_eq!(make(1), make(1));
    assert_ne!(ids(&make(1)), ids(&make(2)));
}

#[test]
fn a_second_turn_takes_other_families() {
    let universe = Universe::load().unwrap();
    let mut taken = Taken::default();
    let first = build(&universe, &plan(10, 1), &mut taken, &mut obliging).unwrap();
    let second = build(&universe, &plan(10, 1), &mut taken, &mut obliging).unwrap();
    let families =
        |built: &BuiltSuite| -> HashSet<String> { built.suite.tasks.iter().map(|task| task.family.clone()).collect() };
    assert!(families(&first).is_disjoint(&families(&second)));
}

#[test]
fn barren_families_are_replaced() {
    let universe = Universe::load().unwrap();
    // Whatever sorts gives one value only, so no family that sorts has a task.
    let mut run = |requests: Vec<ExecutionRequest>| {
        let mut records = obliging(requests)?;
        for record in records.iter_mut().filter(|record| record.id.contains("sort") && record.id.ends_with("reference"))
        {
            record.values.fill(CallOutcome::Value("0".to_owned()));
        }
        Ok::<_, Infallible>(records)
    };
    let built = build(&universe, &plan(40, 2), &mut Taken::default(), &mut run).unwrap();
    assert_eq!(built.suite.tasks.len(), 120);
    assert!(built.suite.tasks.iter().all(|task| !task.family.contains("sort")));
    assert!(built.rejections["TooUniform"] > 0);
}

#[test]
fn a_failing_sandbox_ends_in_an_error_that_says_so() {
    let universe = Universe::load().unwrap();
    let mut infra = |requests: Vec<ExecutionRequest>| {
        let mut records = obliging(requests)?;
        records.iter_mut().for_each(|record| record.verdict = ExecutionVerdict::Infra);
        Ok::<_, Infallible>(records)
    };
    let error = build(&universe, &plan(2, 1), &mut Taken::default(), &mut infra).unwrap_err();
    assert!(error.to_string().contains("only 0 of 2 families") && error.to_string().contains("Infra"), "{error}");

    let mut calls = 0;
    let mut flaky = |requests: Vec<ExecutionRequest>| {
        calls += 1;
        let mut records = obliging(requests)?;
        records
            .iter_mut()
            .step_by(3)
            .filter(|_| calls % 2 == 1)
            .for_each(|record| record.verdict = ExecutionVerdict::Infra);
        Ok::<_, Infallible>(records)
    };
    let flaky = build(&universe, &plan(2, 1), &mut Taken::default(), &mut flaky).unwrap();
    let calm = build(&universe, &plan(2, 1), &mut Taken::default(), &mut obliging).unwrap();
    assert_eq!(flaky, calm, "a passing fault changes nothing");

    let mut silent = |_: Vec<ExecutionRequest>| Ok::<_, Infallible>(Vec::new());
    let error = build(&universe, &plan(2, 1), &mut Taken::default(), &mut silent).unwrap_err();
    assert!(matches!(error, SuiteError::Records { got: 0, .. }));

    let mut broken = |_: Vec<ExecutionRequest>| Err("socket closed");
    let error = build(&universe, &plan(2, 1), &mut Taken::default(), &mut broken).unwrap_err();
    assert_eq!(error.to_string(), "the sandbox did not answer: socket closed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn standard_suites_share_neither_prompt_nor_family(seed in any::<u64>()) {
        let universe = Universe::load().unwrap();
        let small = SuiteSize { families: 8, tasks_per_family: 2 };
        let sizes = StandardSizes { sealed: small, dev: small, training: small };
        let suites = standard(&universe, seed, sizes, &mut obliging).unwrap();
        let all = [&suites.sealed, &suites.dev, &suites.training];
        let prompts: HashSet<&String> = all.iter().flat_map(|built| &built.suite.tasks).map(|task| &task.prompt).collect();
        prop_assert_eq!(prompts.len(), 3 * 16);
        for (built, split) in all.iter().zip([Split::Sealed, Split::Dev, Split::Loop]) {
            prop_assert!(built.suite.tasks.iter().all(|task| family_split(&task.family) == Ok(split)));
        }
        let corpus: Vec<_> = universe.corpus(crate::CorpusPlan::new(seed, 200), &suites.taken.prompts).collect();
        prop_assert!(corpus.iter().all(|document| !prompts.contains(&document.prompt)));
    }
}
