//! What one answered request teaches: lessons, patterns, what retrieved patterns were worth, relations.

use genesis_core::confidence::Exposure;
use genesis_core::execution::Outcome;
use genesis_core::learning::{CandidateFacts, Relation, lesson};
use genesis_core::quality::enters_corpus;
use genesis_ledger::types::generation::Pathway;
use genesis_ledger::types::learning::NewLearning;
use genesis_ledger::types::pattern::{NewPattern, NewRelation, PatternUse};
use sha2::{Digest as _, Sha256};

use super::candidate::Candidate;
use super::program;
use super::retrieve::Draw;

/// Everything that is learned from one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    /// A lesson for each candidate that failed.
    pub learnings: Vec<NewLearning>,
    /// Verified answers worth showing again.
    pub patterns: Vec<NewPattern>,
    /// What the candidates say about the patterns retrieved for them.
    pub pattern_uses: Vec<PatternUse>,
    /// How patterns are connected.
    pub relations: Vec<NewRelation>,
}

/// Learns from the candidates of one request. `answered` is the one that was served, `draw` how patterns were exposed.
pub fn learn(start: &str, candidates: &[Candidate], answered: Option<usize>, draw: &Draw) -> Learned {
    let patterns = patterns(start, candidates, answered);
    Learned {
        learnings: learnings(candidates),
        pattern_uses: pattern_uses(candidates, draw),
        relations: relations(candidates, answered, &patterns),
        patterns,
    }
}

/// Whether a candidate may enter the corpus.
pub fn is_corpus_worthy(candidate: &Candidate) -> bool {
    candidate.quality.is_some_and(|quality| enters_corpus(candidate.outcome, quality.score))
}

fn learnings(candidates: &[Candidate]) -> Vec<NewLearning> {
    let of = |(position, candidate): (usize, &Candidate)| {
        let facts = CandidateFacts {
            outcome: candidate.outcome,
            verdict: candidate.execution.as_ref().map(|record| record.verdict),
            blocked_by: candidate.blocked_by.as_deref(),
            reason: candidate.execution.as_ref().map_or("", |record| record.reason.as_str()),
            quality_basis_points: candidate.quality.map_or(0, |quality| (quality.score * 10_000.0).round() as u32),
        };
        Some(NewLearning { lesson: lesson(&facts)?, candidate: position as u32 })
    };
    candidates.iter().enumerate().filter_map(of).collect()
}

/// The answer, and the first verified program of another pathway as its alternative.
fn patterns(start: &str, candidates: &[Candidate], answered: Option<usize>) -> Vec<NewPattern> {
    let Some(first) = answered.filter(|position| candidates.get(*position).is_some_and(is_corpus_worthy)) else {
        return Vec::new();
    };
    let pathway = candidates[first].draft.pathway;
    let other = candidates.iter().position(|c| c.draft.pathway != pathway && is_corpus_worthy(c));
    let pattern = |position: usize| NewPattern {
        id: pattern_id(start, &candidates[position]),
        title: program::title(start),
        prompt: start.to_owned(),
        body: candidates[position].draft.source.clone(),
        candidate: position as u32,
    };
    std::iter::once(first).chain(other).map(pattern).collect()
}

/// Depends on what was asked and what answered it: the same answer again is the same pattern.
fn pattern_id(start: &str, candidate: &Candidate) -> String {
    let mut hash = Sha256::new();
    hash.update((start.len() as u64).to_be_bytes());
    hash.update(start);
    hash.update(candidate.normalised.as_str());
    format!("pattern-{}", &hex::encode(hash.finalize())[..16])
}

/// Only one pathway speaks of a pattern's worth: the creative one, where showing it was drawn by lot, so that shown and
/// withheld differ in nothing else. Without a lot there is nothing to compare, and the analytical pathway, which always
/// sees patterns, says how they did. The third pass runs only after failures and can never be compared.
///
/// Each sample is one observation, also where several gave the same program or where the other pathway gave it first:
/// what is easy to find would else count least.
fn pattern_uses(candidates: &[Candidate], draw: &Draw) -> Vec<PatternUse> {
    let witness = if draw.by_lot() { Pathway::Creative } else { Pathway::Analytical };
    let mut uses = Vec::new();
    for (position, candidate) in candidates.iter().enumerate() {
        let Some(quality) = candidate.quality else { continue };
        for given in candidate.draft.given.iter().filter(|given| given.pathway == witness) {
            let (patterns, exposure) = if given.withheld.is_empty() {
                (&given.shown, Exposure::Shown)
            } else {
                (&given.withheld, Exposure::Withheld)
            };
            let used = patterns.iter().map(|pattern| PatternUse {
                pattern: pattern.clone(),
                candidate: position as u32,
                exposure,
                propensity: draw.propensity,
                in_context: patterns.len() as u32,
                outcome: candidate.outcome,
                quality: quality.score,
            });
            for _ in 0..given.samples {
                uses.extend(used.clone());
            }
        }
    }
    uses
}

fn relations(candidates: &[Candidate], answered: Option<usize>, patterns: &[NewPattern]) -> Vec<NewRelation> {
    let relation = |from: &str, to: &str, kind| NewRelation { from: from.to_owned(), to: to.to_owned(), kind };
    let mut relations = Vec::new();
    let passed = answered.and_then(|position| candidates.get(position)).filter(|c| c.outcome == Outcome::Pass);
    if let Some(answer) = passed {
        let shown = &answer.draft.shown;
        for (index, first) in shown.iter().enumerate() {
            relations.extend(shown[index + 1..].iter().map(|second| relation(first, second, Relation::UsedTogether)));
        }
    }
    for pattern in patterns {
        let shown = &candidates[pattern.candidate as usize].draft.shown;
        relations.extend(shown.iter().map(|source| relation(source, &pattern.id, Relation::DerivedFrom)));
    }
    if let [first, other] = patterns {
        relations.push(relation(&first.id, &other.id, Relation::AlternativeOf));
    }
    // A program that was shown and given back is not derived from itself.
    relations.retain(|relation| relation.from != relation.to);
    relations
}

#[cfg(test)]
mod tests {
    use genesis_core::learning::FailureKind;

    use super::*;
    use crate::generate::candidate::Given;
    use crate::generate::testing::{START, candidate};

    fn draw(exposure: Exposure) -> Draw {
        Draw { exposure, propensity: 0.8 }
    }

    #[test]
    fn every_failure_is_a_learning_and_infra_is_none() {
        let candidates = [
            candidate(Pathway::Analytical, "a").with(Outcome::Fail, 0),
            candidate(Pathway::Creative, "b").with(Outcome::Infra, 0),
            candidate(Pathway::Creative, "c").blocked("S307"),
            candidate(Pathway::Creative, "d"),
        ];
        let learned = learn(START, &candidates, Some(3), &draw(Exposure::Shown));
        let kinds: Vec<_> = learned.learnings.iter().map(|l| (l.candidate, l.lesson.kind)).collect();
        assert_eq!(kinds, [(0, FailureKind::WrongValue), (2, FailureKind::Gate)]);
    }

    #[test]
    fn verified_answers_of_both_pathways_become_patterns_that_are_alternatives() {
        let candidates = [
            candidate(Pathway::Analytical, "a").showing(&["p1", "p2"]),
            candidate(Pathway::Creative, "b"),
            candidate(Pathway::Creative, "c"),
        ];
        let learned = learn(START, &candidates, Some(0), &draw(Exposure::Shown));
        assert_eq!(learned.patterns.iter().map(|p| p.candidate).collect::<Vec<_>>(), [0, 1]);
        let kinds: Vec<_> = learned.relations.iter().map(|r| (r.from.as_str(), r.kind)).collect();
        let new = learned.patterns[0].id.as_str();
        assert_eq!(
            kinds,
            [
                ("p1", Relation::UsedTogether),
                ("p1", Relation::DerivedFrom),
                ("p2", Relation::DerivedFrom),
                (new, Relation::AlternativeOf)
            ]
        );
    }

    #[test]
    fn unverified_answers_never_become_patterns() {
        let candidates = [candidate(Pathway::Analytical, "a").with(Outcome::Unverified, 0)];
        assert!(learn(START, &candidates, Some(0), &draw(Exposure::Shown)).patterns.is_empty());
    }

    #[test]
    fn the_same_answer_again_is_the_same_pattern() {
        let id = |completion: &str| {
            learn(START, &[candidate(Pathway::Creative, completion)], Some(0), &draw(Exposure::Shown)).patterns[0]
                .id
                .clone()
        };
        assert_eq!(id("    return 1\n"), id("    return 1\n\n"));
        assert_ne!(id("    return 1\n"), id("    return 2\n"));
    }

    #[test]
    fn only_the_pathway_with_a_drawn_exposure_speaks_of_a_patterns_worth() {
        let shown = candidate(Pathway::Analytical, "a").showing(&["p1"]);
        let mut withheld = candidate(Pathway::Creative, "b");
        withheld.draft.given[0].withheld = vec!["p1".into()];
        let uses = |draw| learn(START, &[shown.clone(), withheld.clone()], Some(0), &draw).pattern_uses;
        let drawn = uses(draw(Exposure::Withheld));
        assert_eq!(drawn.len(), 1);
        assert_eq!((drawn[0].candidate, drawn[0].exposure, drawn[0].propensity), (1, Exposure::Withheld, 0.8));
        let certain = uses(Draw { exposure: Exposure::Withheld, propensity: 1.0 });
        assert_eq!((certain[0].candidate, certain[0].exposure, certain[0].propensity), (0, Exposure::Shown, 1.0));
    }

    #[test]
    fn every_creative_sample_is_an_observation_whoever_gave_its_program_first() {
        let mut both = candidate(Pathway::Analytical, "a").showing(&["p1"]);
        let (shown, withheld) = (Vec::new(), vec!["p1".to_owned()]);
        both.draft.given.push(Given { pathway: Pathway::Creative, samples: 2, shown, withheld });
        let mut creative = candidate(Pathway::Creative, "b").with(Outcome::Fail, 0);
        creative.draft.given[0].withheld = vec!["p1".into()];
        let uses = learn(START, &[both, creative], Some(0), &draw(Exposure::Withheld)).pattern_uses;
        let got: Vec<_> = uses.iter().map(|used| (used.candidate, used.exposure, used.outcome)).collect();
        let (exposure, pass) = (Exposure::Withheld, Outcome::Pass);
        assert_eq!(got, [(0, exposure, pass), (0, exposure, pass), (1, exposure, Outcome::Fail)]);
    }
}
