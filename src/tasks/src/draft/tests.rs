use std::collections::HashSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

fn draft(universe: &Universe, family: &str, seed: u64) -> Draft {
    let family = universe.family(family).unwrap();
    Draft::draw(universe, family, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn bodies(draft: &Draft, matches: fn(&Defect) -> bool) -> Vec<&str> {
    let wanted = draft.mutants.iter().filter(|mutant| matches(&mutant.what));
    wanted.map(|mutant| mutant.source.strip_prefix(&draft.prompt).unwrap()).collect()
}

#[test]
fn every_run_of_steps_that_fits_is_left_out() {
    let universe = Universe::load().unwrap();
    let draft = draft(&universe, "L:rev>m_pow>sum", 1);
    let left_out: Vec<&Defect> =
        draft.mutants.iter().map(|mutant| &mutant.what).filter(|what| matches!(what, Defect::LeftOut { .. })).collect();
    assert_eq!(
        left_out,
        [
            &Defect::LeftOut { first: 1, last: 1 },
            &Defect::LeftOut { first: 1, last: 2 },
            &Defect::LeftOut { first: 2, last: 2 }
        ]
    );
    assert!(
        bodies(&draft, |what| matches!(what, Defect::LeftOut { first: 1, last: 2 })).contains(&"    return sum(xs)\n")
    );
}

#[test]
fn a_change_of_type_and_back_can_be_left_out_as_a_whole() {
    let universe = Universe::load().unwrap();
    let draft = draft(&universe, "L:sum>n_digits>rev", 1);
    let whole = bodies(&draft, |what| matches!(what, Defect::LeftOut { first: 1, last: 3 }));
    assert_eq!(whole, ["    return xs\n"]);
    let first_two = bodies(&draft, |what| matches!(what, Defect::LeftOut { first: 1, last: 2 }));
    assert_eq!(first_two, ["    return xs[::-1]\n"]);
}

#[test]
fn every_step_is_replaced_with_constants() {
    let universe = Universe::load().unwrap();
    let draft = draft(&universe, "W:w_lens>anyall", 2);
    let constants = bodies(&draft, |what| matches!(what, Defect::Constant { .. }));
    assert_eq!(constants.len(), 4);
    assert!(constants[0].starts_with("    xs = []\n    return "));
    assert!(constants[2].ends_with("    return False\n") && constants[3].ends_with("    return True\n"));
}

#[test]
fn bugs_and_swaps_are_among_the_mutants() {
    let universe = Universe::load().unwrap();
    let draft = draft(&universe, "L:m_add>m_mul>rev", 3);
    let count = |matches: fn(&Defect) -> bool| bodies(&draft, matches).len();
    assert!(count(|what| matches!(what, Defect::Bug { .. })) >= 6);
    assert_eq!(count(|what| matches!(what, Defect::Swapped { .. })), 2);
}

#[test]
fn mutants_are_wrong_programs_without_repetition() {
    let universe = Universe::load().unwrap();
    for (seed, family) in universe.families().iter().step_by(97).enumerate() {
        let draft = Draft::draw(&universe, family, &mut ChaCha8Rng::seed_from_u64(seed as u64));
        let sources: HashSet<&String> = draft.mutants.iter().map(|mutant| &mutant.source).collect();
        assert_eq!(sources.len(), draft.mutants.len());
        assert!(!sources.contains(&draft.reference_source()));
        assert!(draft.mutants.iter().any(|mutant| mutant.what.ignores_a_step()));
    }
}

#[test]
fn the_requests_call_the_reference_and_the_comparison_on_every_input() {
    let universe = Universe::load().unwrap();
    let draft = draft(&universe, "S:s_case>s_rev", 4);
    let [reference, mutants] = &draft.requests()[..] else { panic!("two requests") };
    assert_eq!(reference.source, draft.reference_source());
    for request in [reference, mutants] {
        assert!(request.capture);
        let Some(TestSuite::Calls { entry, cases }) = &request.tests else { panic!("calls") };
        assert_eq!(entry, "solve");
        let inputs: Vec<&String> = cases.iter().map(|case| &case.args[0]).collect();
        assert_eq!(inputs, draft.inputs.iter().collect::<Vec<_>>());
        assert!(cases.iter().all(|case| case.expected.is_empty()));
    }
    assert_eq!(mutants.source.matches("def solve_").count(), 1 + draft.mutants.len());
    assert_eq!(mutants.source.matches("def solve(").count(), 1);
}

#[test]
fn a_seed_gives_the_same_draft_and_another_seed_another() {
    let universe = Universe::load().unwrap();
    assert_eq!(draft(&universe, "L:f_cmp>sum", 5), draft(&universe, "L:f_cmp>sum", 5));
    assert_ne!(draft(&universe, "L:f_cmp>sum", 5), draft(&universe, "L:f_cmp>sum", 6));
}

#[test]
fn defects_are_said_in_words() {
    assert_eq!(Defect::LeftOut { first: 1, last: 1 }.to_string(), "step 1 left out");
    assert_eq!(Defect::LeftOut { first: 1, last: 2 }.to_string(), "steps 1 to 2 left out");
    assert_eq!(Defect::Constant { step: 2, literal: "[]" }.to_string(), "step 2 replaced with []");
    assert_eq!(Defect::Swapped { step: 1 }.to_string(), "steps 1 and 2 swapped");
    assert_eq!(Defect::Bug { step: 3, template: 0 }.to_string(), "bug 1 in step 3");
}
