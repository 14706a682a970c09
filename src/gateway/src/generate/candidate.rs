//! Candidates: what the pathways sampled, made distinct, then judged.

use genesis_core::Digest;
use genesis_core::execution::{ExecutionRecord, Outcome};
use genesis_core::quality::Quality;
use genesis_ledger::types::generation::{GateRecord, Pathway};

use super::program;

/// What one pathway sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Which pathway.
    pub pathway: Pathway,
    /// Completions in the order in which the model gave them.
    pub completions: Vec<String>,
    /// Patterns in the context.
    pub shown: Vec<String>,
    /// Patterns that would have been in the context.
    pub withheld: Vec<String>,
}

/// What one pathway gave of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Which pathway.
    pub pathway: Pathway,
    /// How many of its samples were this program.
    pub samples: u32,
    /// Patterns in its context.
    pub shown: Vec<String>,
    /// Patterns that would have been in its context.
    pub withheld: Vec<String>,
}

/// A program that waits for its judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The first pathway that gave it.
    pub pathway: Pathway,
    /// What the model wrote.
    pub completion: String,
    /// Start and completion.
    pub source: String,
    /// How many samples gave this program.
    pub samples: u32,
    /// Patterns in the context of the first pathway that gave it.
    pub shown: Vec<String>,
    /// Patterns that would have been in that context.
    pub withheld: Vec<String>,
    /// What each pathway gave of it: pathways differ in their contexts, and evidence is counted by sample.
    pub given: Vec<Given>,
}

impl Draft {
    /// Counts one more sample that is this program.
    fn add(&mut self, samples: &Samples) {
        self.samples += 1;
        match self.given.iter_mut().find(|given| given.pathway == samples.pathway) {
            Some(given) => given.samples += 1,
            None => self.given.push(Given::once(samples)),
        }
    }
}

impl Given {
    fn once(samples: &Samples) -> Self {
        let Samples { pathway, shown, withheld, .. } = samples;
        Self { pathway: *pathway, samples: 1, shown: shown.clone(), withheld: withheld.clone() }
    }
}

/// A program with everything that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The program.
    pub draft: Draft,
    /// What the gate says.
    pub gate: GateRecord,
    /// The rule that keeps it from being run.
    pub blocked_by: Option<String>,
    /// Digest of the program without comments and layout: equal answers have equal digests.
    pub normalised: Digest,
    /// What the sandbox says; `None` where it was not run.
    pub execution: Option<ExecutionRecord>,
    /// Pass, fail, unverified, or infra.
    pub outcome: Outcome,
    /// Its score; `None` for infra.
    pub quality: Option<Quality>,
}

/// Makes the samples of a start distinct, in the order in which they came; the first sample is always the first draft.
///
/// Programs that `known` holds already are left out.
pub fn distinct(start: &str, sampled: Vec<Samples>, known: &[Candidate]) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for samples in sampled {
        for completion in &samples.completions {
            let completion = program::cut(start, completion).to_owned();
            let source = format!("{start}{completion}");
            if known.iter().any(|candidate| program::equal(&candidate.draft.source, &source)) {
                continue;
            }
            match drafts.iter_mut().find(|draft| program::equal(&draft.source, &source)) {
                Some(draft) => draft.add(&samples),
                None => drafts.push(Draft {
                    pathway: samples.pathway,
                    completion,
                    source,
                    samples: 1,
                    shown: samples.shown.clone(),
                    withheld: samples.withheld.clone(),
                    given: vec![Given::once(&samples)],
                }),
            }
        }
    }
    drafts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::testing::candidate;

    fn samples(pathway: Pathway, completions: &[&str]) -> Samples {
        Samples {
            pathway,
            completions: completions.iter().map(ToString::to_string).collect(),
            shown: Vec::new(),
            withheld: Vec::new(),
        }
    }

    #[test]
    fn equal_programs_are_one_draft_that_counts_its_samples() {
        let sampled = vec![
            samples(Pathway::Analytical, &["    return 1\n"]),
            samples(Pathway::Creative, &["    return 2\n", "    return 1\n\n", "    return 2\n"]),
        ];
        let drafts = distinct("def f():\n", sampled, &[]);
        let got: Vec<_> = drafts.iter().map(|d| (d.pathway, d.completion.as_str(), d.samples)).collect();
        assert_eq!(got, [(Pathway::Analytical, "    return 1\n", 2), (Pathway::Creative, "    return 2\n", 2)]);
        let given: Vec<_> = drafts[0].given.iter().map(|given| (given.pathway, given.samples)).collect();
        assert_eq!(given, [(Pathway::Analytical, 1), (Pathway::Creative, 1)], "and who gave how many");
    }

    #[test]
    fn what_was_judged_already_is_left_out() {
        let known = [candidate(Pathway::Analytical, "    return 1\n")];
        let again = vec![samples(Pathway::Fusion, &["    return 1\n", "    return 3\n"])];
        let drafts = distinct(&known[0].draft.source.replace("    return 1\n", ""), again, &known);
        assert_eq!(drafts.len(), 1);
        assert_eq!(drafts[0].completion, "    return 3\n");
    }
}
