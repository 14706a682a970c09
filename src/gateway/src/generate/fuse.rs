//! Fusion by executed result: which candidate answers, and from where a third pass goes on.

use std::cmp::Reverse;

use genesis_core::execution::{ExecutionVerdict, Outcome};
use genesis_ledger::types::generation::Pathway;

use super::candidate::Candidate;

/// Position of the candidate that answers; `None` if none may be served.
///
/// Passed before unverified before failed; then the higher score; then the behaviour most samples share; then the
/// earlier pathway, the shorter program, and its text, so that the same candidates always give the same answer.
/// What the gate refused or the sandbox could not judge is never served.
pub fn best(candidates: &[Candidate]) -> Option<usize> {
    let servable = candidates.iter().enumerate().filter(|(_, candidate)| servable(candidate));
    let order = |(_, candidate): &(usize, &Candidate)| {
        (
            rank(candidate.outcome),
            // Hundredths: a millisecond of processor time must not outvote a majority.
            Reverse(candidate.quality.map_or(0, |quality| (quality.score * 100.0).round() as u32)),
            Reverse(votes(candidates, candidate)),
            pathway_order(candidate.draft.pathway),
            candidate.draft.source.len(),
            candidate.draft.source.clone(),
        )
    };
    servable.min_by_key(order).map(|(position, _)| position)
}

/// The lines on which the best failed programs of two pathways agree: the third pass goes on from there.
///
/// At least the last line of each is left to be written anew. `None` where there are not two pathways to combine.
pub fn common_start(candidates: &[Candidate]) -> Option<String> {
    let of = |pathway| {
        let position = best_of(candidates, pathway)?;
        candidates.get(position).map(|candidate| candidate.draft.completion.as_str())
    };
    let (analytical, creative) = (of(Pathway::Analytical)?, of(Pathway::Creative)?);
    let agreed =
        analytical.split_inclusive('\n').zip(creative.split_inclusive('\n')).take_while(|(a, b)| a == b).count();
    let lines = |text: &str| text.split_inclusive('\n').count();
    let kept = agreed.min(lines(analytical).min(lines(creative)).saturating_sub(1));
    Some(analytical.split_inclusive('\n').take(kept).collect())
}

fn best_of(candidates: &[Candidate], pathway: Pathway) -> Option<usize> {
    let own: Vec<usize> = (0..candidates.len()).filter(|i| candidates[*i].draft.pathway == pathway).collect();
    let subset: Vec<Candidate> = own.iter().map(|i| candidates[*i].clone()).collect();
    best(&subset).and_then(|position| own.get(position).copied())
}

fn servable(candidate: &Candidate) -> bool {
    candidate.gate.passed && candidate.outcome != Outcome::Infra
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Pass => 0,
        Outcome::Unverified => 1,
        Outcome::Fail => 2,
        Outcome::Infra => 3,
    }
}

fn pathway_order(pathway: Pathway) -> u8 {
    match pathway {
        Pathway::Analytical => 0,
        Pathway::Creative => 1,
        Pathway::Fusion => 2,
    }
}

/// Samples whose program behaved as this one did.
fn votes(candidates: &[Candidate], candidate: &Candidate) -> u32 {
    let own = behaviour(candidate);
    candidates.iter().filter(|other| behaviour(other) == own).map(|other| other.draft.samples).sum()
}

/// Everything of a record that does not depend on the machine.
fn behaviour(candidate: &Candidate) -> Option<(ExecutionVerdict, &str, u32, Option<&str>)> {
    candidate.execution.as_ref().map(|record| {
        let stdout = record.stdout.sha256.as_ref().map(genesis_core::Digest::as_str);
        (record.verdict, record.reason.as_str(), record.tests.passed, stdout)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generate::testing::candidate;

    fn failed(pathway: Pathway, completion: &str) -> Candidate {
        candidate(pathway, completion).with(Outcome::Fail, 0)
    }

    #[test]
    fn passed_wins_then_quality_then_the_majority() {
        use Outcome::{Fail, Unverified};
        let analytical = |text: &str| candidate(Pathway::Analytical, text);
        let cases = [
            (vec![analytical("a").with(Fail, 0), candidate(Pathway::Creative, "b")], 1),
            (vec![analytical("a").with(Fail, 0), analytical("b").with(Unverified, 0)], 1),
            (vec![analytical("a").with(Outcome::Pass, 1_000), candidate(Pathway::Creative, "b")], 1),
            (vec![analytical("a"), candidate(Pathway::Creative, "b")], 0),
            (vec![analytical("long one"), analytical("b")], 1),
            (vec![analytical("b"), analytical("a")], 1),
        ];
        for (candidates, want) in cases {
            assert_eq!(best(&candidates), Some(want), "{candidates:#?}");
        }
    }

    #[test]
    fn failures_that_agree_outvote_one_that_is_alone() {
        let mut odd = failed(Pathway::Analytical, "a");
        odd.execution.as_mut().unwrap().reason = "call 1 raised IndexError".into();
        let agreeing = [failed(Pathway::Creative, "b").sampled(1), failed(Pathway::Creative, "cc").sampled(2)];
        let candidates = [odd, agreeing[0].clone(), agreeing[1].clone()];
        assert_eq!(best(&candidates), Some(1));
    }

    #[test]
    fn nothing_refused_or_unjudged_is_served() {
        let candidates = [
            candidate(Pathway::Analytical, "a").blocked("S307"),
            candidate(Pathway::Creative, "b").with(Outcome::Infra, 0),
        ];
        assert_eq!(best(&candidates), None);
    }

    #[test]
    fn a_third_pass_goes_on_where_the_two_part() {
        let pair = |a: &str, b: &str| common_start(&[failed(Pathway::Analytical, a), failed(Pathway::Creative, b)]);
        assert_eq!(pair("x\ny\nz\n", "x\ny\nw\n").as_deref(), Some("x\ny\n"));
        assert_eq!(pair("x\n", "y\n").as_deref(), Some(""));
        assert_eq!(pair("x\n", "x\ny\n").as_deref(), Some(""), "the shorter one must not be kept whole");
        assert_eq!(common_start(&[failed(Pathway::Analytical, "x\n")]), None);
    }

    proptest! {
        /// The order of the candidates changes nothing but the position.
        #[test]
        fn the_answer_does_not_depend_on_the_order(outcomes in proptest::collection::vec(0u8..4, 1..6), rotate in 0usize..6) {
            let outcome = |code: u8| [Outcome::Pass, Outcome::Fail, Outcome::Unverified, Outcome::Infra][code as usize];
            let candidates: Vec<Candidate> = outcomes
                .iter()
                .enumerate()
                .map(|(i, code)| candidate(Pathway::Creative, &format!("{i}")).with(outcome(*code), 0))
                .collect();
            let mut rotated = candidates.clone();
            rotated.rotate_left(rotate % candidates.len());
            let chosen = |list: &[Candidate]| best(list).map(|i| list[i].draft.source.clone());
            prop_assert_eq!(chosen(&candidates), chosen(&rotated));
            if let Some(position) = best(&candidates) {
                let top = candidates.iter().filter(|c| servable(c)).map(|c| rank(c.outcome)).min();
                prop_assert_eq!(Some(rank(candidates[position].outcome)), top);
            }
        }
    }
}
