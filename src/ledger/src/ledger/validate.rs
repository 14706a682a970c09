//! What a generation must be before it is queued: contradictions are refused by name.

use genesis_core::execution::Outcome;

use crate::error::{LedgerError, Result};
use crate::types::generation::NewGeneration;

/// Refuses a generation that contradicts itself.
pub(super) fn validate(generation: &NewGeneration) -> Result<()> {
    let refuse = |what: String| Err(LedgerError::Invalid(what));
    if generation.scope.tenant.is_empty() || generation.scope.model.is_empty() {
        return refuse("tenant and model must not be empty".to_owned());
    }
    if generation.idempotency_key.is_empty() {
        return refuse("the idempotency key must not be empty".to_owned());
    }
    let candidates = generation.candidates.len();
    let known = |position: u32| (position as usize) < candidates;
    let positions = generation
        .answered
        .into_iter()
        .chain(generation.learnings.iter().map(|learning| learning.candidate))
        .chain(generation.patterns.iter().map(|pattern| pattern.candidate))
        .chain(generation.pattern_uses.iter().map(|used| used.candidate));
    for position in positions {
        if !known(position) {
            return refuse(format!("candidate {position} is named, but there are {candidates}"));
        }
    }
    if (generation.outcome == Outcome::Infra) != generation.quality.is_none() {
        return refuse(format!("an answer has a quality score unless it is infra; this one is {}", generation.outcome));
    }
    for (position, candidate) in generation.candidates.iter().enumerate() {
        if candidate.enters_corpus && (candidate.outcome != Outcome::Pass || candidate.execution.is_none()) {
            return refuse(format!("candidate {position} enters the corpus without an execution that passed"));
        }
        if candidate.enters_corpus && generation.task.is_none() {
            return refuse(format!("candidate {position} enters the corpus, but the generation names no task"));
        }
    }
    for used in &generation.pattern_uses {
        let within = |value: f64| (0.0..=1.0).contains(&value);
        if used.outcome == Outcome::Infra {
            return refuse(format!("an infra outcome says nothing about pattern {:?}: leave it out", used.pattern));
        }
        if !within(used.quality) || !within(used.propensity) || used.propensity == 0.0 {
            return refuse(format!(
                "quality and propensity of a use of {:?} must lie in [0, 1] and (0, 1]",
                used.pattern
            ));
        }
    }
    for relation in &generation.relations {
        if relation.from == relation.to {
            return refuse(format!("pattern {:?} cannot be related to itself", relation.from));
        }
    }
    Ok(())
}
