//! One transaction for everything one request gave.

use genesis_core::execution::Outcome;
use genesis_ledger::Scope;
use genesis_ledger::types::generation::{NewCandidate, NewGeneration};
use uuid::Uuid;

use super::answer::{self, Answer, CandidateSummary, QualityParts};
use super::candidate::Candidate;
use super::learn::{Learned, is_corpus_worthy};
use super::request::Request;
use crate::routing::{Choice, ModelKey};

/// Suffix of the served name of an answer that the stable model gave in place of the canary. Arm statistics are grouped
/// by served name: such an answer belongs to neither arm.
pub const FALLBACK_SUFFIX: &str = "+fallback";

/// A request with everything that became of it.
pub struct Finished<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// Which model.
    pub model: &'a ModelKey,
    /// Who answered.
    pub choice: &'a Choice,
    /// The canary was chosen and the stable model answered.
    pub fell_back: bool,
    /// What was considered, the first sample's program first.
    pub candidates: Vec<Candidate>,
    /// Position of the answer.
    pub answered: Option<usize>,
    /// What was learned.
    pub learned: Learned,
}

impl Finished<'_> {
    /// Outcome of the request: the answer's; a failure if all were refused; infra if nothing could be judged.
    pub fn outcome(&self) -> Outcome {
        match self.best() {
            Some(best) => best.outcome,
            None => Outcome::Infra,
        }
    }

    /// The answer, or the best of what was refused. Where all of that failed, what could not be judged might have been
    /// right: then nothing is known of the request, and nobody is blamed for it.
    fn best(&self) -> Option<&Candidate> {
        let unjudged = self.candidates.iter().any(|candidate| candidate.outcome == Outcome::Infra);
        let score = |candidate: &&Candidate| candidate.quality.map_or(0, |quality| (quality.score * 10_000.0) as u32);
        let best = match self.answered {
            Some(position) => self.candidates.get(position),
            None => self.candidates.iter().filter(|candidate| candidate.outcome == Outcome::Fail).max_by_key(score),
        };
        best.filter(|best| !(unjudged && best.outcome == Outcome::Fail))
    }

    /// What the consumer is told. The id is the ledger's and is set when it is known.
    pub fn answer(&self) -> Answer {
        let served = self.answered.and_then(|position| self.candidates.get(position));
        let quality = self.best().and_then(|best| best.quality);
        Answer {
            id: String::new(),
            code: served.map(|candidate| candidate.draft.source.clone()),
            completion: served.map(|candidate| candidate.draft.completion.clone()),
            quality: quality.map_or(0.0, |quality| quality.score),
            quality_parts: quality.as_ref().map(QualityParts::from).unwrap_or_default(),
            verified: self.outcome() == Outcome::Pass,
            outcome: self.outcome(),
            model: self.model.to_string(),
            served_name: self.choice.served.name.clone(),
            adapter_digest: self.choice.served.adapter.as_ref().map(|adapter| adapter.digest.to_string()),
            arm: self.choice.arm,
            canary_fallback: self.fell_back,
            patterns_used: served.map(|candidate| candidate.draft.shown.clone()).unwrap_or_default(),
            candidates: self.candidates.iter().map(CandidateSummary::from).collect(),
            explanation: answer::explain(&self.candidates, self.answered),
        }
    }

    /// What the ledger commits.
    ///
    /// An infra outcome is kept under a key of its own and teaches nothing: the consumer's key stays free for the next
    /// attempt, whose samples are the same.
    pub fn into_generation(self, response: serde_json::Value, at_ms: i64) -> NewGeneration {
        let outcome = self.outcome();
        let key = &self.request.key;
        let infra = outcome == Outcome::Infra;
        let idempotency_key = if infra { format!("{key}#infra-{}", Uuid::new_v4()) } else { key.clone() };
        let quality = self.best().and_then(|best| best.quality);
        let learned = if infra { Learned::default() } else { self.learned };
        let name = &self.choice.served.name;
        let task = self.request.task();
        let has_task = task.is_some();
        NewGeneration {
            scope: Scope::new(self.model.namespace.clone(), self.model.to_string()),
            idempotency_key,
            request: self.request.digest.clone(),
            session: Some(self.request.session.clone()),
            arm: self.choice.arm,
            served_name: if self.fell_back { format!("{name}{FALLBACK_SUFFIX}") } else { name.clone() },
            adapter: self.choice.served.adapter.as_ref().map(|adapter| adapter.digest.clone()),
            task,
            language: self.request.asked.language,
            prompt: self.request.start.text.clone(),
            answered: self.answered.filter(|_| !infra).map(|position| position as u32),
            outcome,
            quality,
            first_sample: self.candidates.first().map_or(Outcome::Infra, |candidate| candidate.outcome),
            learnings: learned.learnings,
            patterns: learned.patterns,
            pattern_uses: learned.pattern_uses,
            relations: learned.relations,
            candidates: self.candidates.into_iter().map(|candidate| new_candidate(candidate, has_task)).collect(),
            response,
            at_ms,
        }
    }
}

fn new_candidate(candidate: Candidate, has_task: bool) -> NewCandidate {
    NewCandidate {
        enters_corpus: has_task && is_corpus_worthy(&candidate),
        pathway: candidate.draft.pathway,
        completion: candidate.draft.completion,
        source: candidate.draft.source,
        normalised: candidate.normalised,
        patterns_shown: candidate.draft.shown,
        patterns_withheld: candidate.draft.withheld,
        gate: candidate.gate,
        execution: candidate.execution,
        outcome: candidate.outcome,
        quality: candidate.quality,
    }
}
