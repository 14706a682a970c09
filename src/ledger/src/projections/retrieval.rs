//! Retrieval: which patterns to show for a prompt.
//!
//! `score = similarity × lower confidence bound × relation factor`. The bound is the 5 % quantile of the pattern's
//! success rate, so that one lucky success ranks below many; the factor looks at the patterns already chosen.

use std::collections::HashSet;

use genesis_core::learning::Relation;
use genesis_core::task::Language;
use serde::Serialize;

use super::Projections;
use crate::error::Result;
use crate::types::pattern::{PatternRecord, RelationRecord};

/// More patterns than this in a context help less than fewer do (SkillsBench: 2–3 gain 18.6 points, 4 and more 5.9).
pub const MOST_PATTERNS: usize = 3;
/// Nearest prompts that are ranked.
const RANKED: usize = 32;

/// Which patterns may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrievalFilters {
    /// Only patterns of this language.
    pub language: Option<Language>,
    /// No pattern of these families: nothing of a family under evaluation may leak.
    pub excluded_families: Vec<String>,
    /// No pattern that this task earned: its own answer would be copied.
    pub excluded_task: Option<String>,
    /// Prompts less alike than this are not related.
    pub min_similarity: f32,
    /// Quarantine: distinct tasks that must have verified a pattern before it is shown.
    pub min_verified_tasks: u64,
}

impl Default for RetrievalFilters {
    fn default() -> Self {
        Self {
            language: None,
            excluded_families: Vec::new(),
            excluded_task: None,
            min_similarity: 0.15,
            min_verified_tasks: 1,
        }
    }
}

impl RetrievalFilters {
    /// Whether the pattern may be shown: in use, allowed, out of quarantine, and not measured to do harm.
    fn allow(&self, pattern: &PatternRecord) -> bool {
        let task_allowed = pattern.task.as_ref().is_none_or(|task| {
            self.excluded_task.as_ref() != Some(&task.id) && !self.excluded_families.contains(&task.family)
        });
        task_allowed
            && !pattern.retired
            && self.language.is_none_or(|language| language == pattern.language)
            && pattern.verified_tasks >= self.min_verified_tasks
            && !pattern.standing.harmful()
    }
}

/// A retrieved pattern and what its score is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScoredPattern {
    /// The pattern.
    pub pattern: PatternRecord,
    /// Cosine of the prompts, in `(0, 1]`.
    pub similarity: f64,
    /// Lower 5 % bound of its success rate, in `[0, 1]`.
    pub lower_bound: f64,
    /// What its relations to the patterns before it in the list do.
    pub relation_factor: f64,
    /// The product.
    pub score: f64,
}

impl ScoredPattern {
    /// A pattern as it is scored before any other is chosen.
    fn of(pattern: &PatternRecord, similarity: f32) -> Self {
        let (similarity, lower_bound) = (f64::from(similarity), pattern.standing.lower_bound());
        let score = similarity * lower_bound;
        Self { pattern: pattern.clone(), similarity, lower_bound, relation_factor: 1.0, score }
    }
}

impl Projections {
    /// At most `k` patterns (never more than [`MOST_PATTERNS`]) of the tenant for a prompt, the best first.
    pub async fn retrieve(
        &self,
        tenant: &str,
        query: &str,
        k: usize,
        filters: &RetrievalFilters,
    ) -> Result<Vec<ScoredPattern>> {
        let found = self.allowed(tenant, query, filters).await?;
        let ids: Vec<String> = found.iter().map(|scored| scored.pattern.id.clone()).collect();
        let relations = self.graph.relations_among(tenant, &ids).await?;
        Ok(choose(found, &relations, k.min(MOST_PATTERNS)))
    }

    /// The nearest patterns that may be shown. What turns out not to be is left out of the next search, so that a crowd
    /// of patterns that are not allowed cannot hide the allowed ones behind it.
    async fn allowed(&self, tenant: &str, query: &str, filters: &RetrievalFilters) -> Result<Vec<ScoredPattern>> {
        let vector = self.vectors.vector(query).await?;
        let (mut barred, mut wanted) = (HashSet::new(), RANKED);
        loop {
            let before = barred.len();
            let mut found = Vec::with_capacity(RANKED);
            let near = self.vectors.nearest(tenant, &vector, wanted, &|pattern| !barred.contains(pattern));
            for near in near.into_iter().filter(|near| near.similarity >= filters.min_similarity) {
                match self.cache.get(tenant, &near.pattern).await? {
                    Some(pattern) if filters.allow(&pattern) => {
                        found.push(ScoredPattern::of(&pattern, near.similarity));
                    }
                    _ => drop(barred.insert(near.pattern)),
                }
            }
            if found.len() >= RANKED || barred.len() == before {
                found.truncate(RANKED);
                return Ok(found);
            }
            wanted *= 4;
        }
    }
}

/// Chooses greedily: the best by score, then the best given those, and so on.
fn choose(mut candidates: Vec<ScoredPattern>, relations: &[RelationRecord], k: usize) -> Vec<ScoredPattern> {
    let mut chosen: Vec<ScoredPattern> = Vec::with_capacity(k);
    while chosen.len() < k {
        for candidate in &mut candidates {
            let factors = chosen.iter().map(|before| factor(&before.pattern.id, &candidate.pattern.id, relations));
            candidate.relation_factor = factors.product();
            candidate.score = candidate.similarity * candidate.lower_bound * candidate.relation_factor;
        }
        let best = candidates
            .iter()
            .enumerate()
            .filter(|(_, candidate)| candidate.score > 0.0)
            .max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score).then_with(|| b.pattern.id.cmp(&a.pattern.id)));
        let Some((index, _)) = best else { break };
        chosen.push(candidates.swap_remove(index));
    }
    chosen
}

/// What one chosen pattern does to the score of another.
///
/// - used together before, in an answer that passed: up to half as much again, growing with the observations;
/// - derived from one another: half, for the one mostly repeats the other;
/// - alternatives: a quarter, for the place is better spent on something else.
fn factor(chosen: &str, candidate: &str, relations: &[RelationRecord]) -> f64 {
    let between = relations.iter().filter(|relation| {
        let ends = (relation.from.as_str(), relation.to.as_str());
        ends == (chosen, candidate) || ends == (candidate, chosen)
    });
    between.fold(1.0, |factor, relation| {
        factor
            * match relation.kind {
                Relation::UsedTogether => {
                    let observed = relation.observations as f64;
                    1.0 + 0.5 * observed / (observed + 4.0)
                }
                Relation::DerivedFrom => 0.5,
                Relation::AlternativeOf => 0.25,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::fixtures::pattern_record;

    fn scored(id: &str, similarity: f64) -> ScoredPattern {
        let pattern = pattern_record(id);
        ScoredPattern { pattern, similarity, lower_bound: 0.5, relation_factor: 1.0, score: 0.0 }
    }

    fn relation(from: &str, to: &str, kind: Relation, observations: u64) -> RelationRecord {
        RelationRecord { from: from.into(), to: to.into(), kind, observations }
    }

    fn ids(chosen: &[ScoredPattern]) -> Vec<&str> {
        chosen.iter().map(|scored| scored.pattern.id.as_str()).collect()
    }

    #[test]
    fn relations_to_the_first_choice_reorder_the_rest() {
        let all = || vec![scored("a", 0.9), scored("b", 0.8), scored("c", 0.7), scored("d", 0.6)];
        assert_eq!(ids(&choose(all(), &[], 3)), ["a", "b", "c"]);
        let alternative = [relation("b", "a", Relation::AlternativeOf, 1)];
        assert_eq!(ids(&choose(all(), &alternative, 3)), ["a", "c", "d"]);
        let together = [relation("a", "d", Relation::UsedTogether, 36)];
        let chosen = choose(all(), &together, 2);
        assert_eq!(ids(&chosen), ["a", "d"]);
        assert!((chosen[1].score - 0.6 * 0.5 * 1.45).abs() < 1e-12);
    }

    #[test]
    fn equal_scores_are_chosen_by_name() {
        assert_eq!(ids(&choose(vec![scored("b", 0.5), scored("a", 0.5)], &[], 2)), ["a", "b"]);
    }

    #[test]
    fn filters_keep_out_the_tasks_own_answer_and_what_is_in_quarantine() {
        let mut pattern = pattern_record("a");
        let filters = RetrievalFilters::default();
        assert!(filters.allow(&pattern));
        let task = pattern.task.clone().unwrap();
        assert!(!RetrievalFilters { excluded_task: Some(task.id), ..filters.clone() }.allow(&pattern));
        assert!(!RetrievalFilters { excluded_families: vec![task.family], ..filters.clone() }.allow(&pattern));
        assert!(!RetrievalFilters { min_verified_tasks: 2, ..filters.clone() }.allow(&pattern));
        pattern.retired = true;
        assert!(!filters.allow(&pattern));
    }

    #[test]
    fn a_pattern_measured_to_do_harm_is_not_shown() {
        let mut pattern = pattern_record("a");
        pattern.standing.shown_failures = 30.0;
        pattern.standing.withheld_successes = 30.0;
        assert!(!RetrievalFilters::default().allow(&pattern));
    }
}
