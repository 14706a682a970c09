//! From executed answers to paired numbers, without I/O.

use std::collections::BTreeMap;

use genesis_core::execution::Outcome;
use genesis_core::promotion::SuiteSummary;
use genesis_core::statistics::pass_at_k;
use serde::{Deserialize, Serialize};

/// What the executions of one arm's answers to one task gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmResult {
    /// One outcome for each sample.
    pub samples: Vec<Outcome>,
    /// Outcome of the greedy answer.
    pub greedy: Outcome,
}

impl ArmResult {
    fn passed(&self) -> u64 {
        self.samples.iter().filter(|outcome| **outcome == Outcome::Pass).count() as u64
    }

    fn has_infra(&self) -> bool {
        self.greedy == Outcome::Infra || self.samples.contains(&Outcome::Infra)
    }

    fn pass_at(&self, k: u64) -> f64 {
        pass_at_k(self.samples.len() as u64, self.passed(), k)
    }

    /// Solved greedily and by every sample: a user would notice if it no longer were.
    fn solid(&self) -> bool {
        self.greedy == Outcome::Pass && !self.samples.is_empty() && self.passed() == self.samples.len() as u64
    }
}

/// One row of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskResult {
    /// Task.
    pub id: String,
    /// Its family.
    pub family: String,
    /// The champion's results.
    pub champion: ArmResult,
    /// The candidate's results.
    pub candidate: ArmResult,
}

/// Pairs the results of one suite. A task with an infra outcome in either arm leaves both.
pub fn summarise(suite: &str, results: &[TaskResult]) -> SuiteSummary {
    let counted: Vec<&TaskResult> =
        results.iter().filter(|r| !r.champion.has_infra() && !r.candidate.has_infra()).collect();
    let mean = |value: &dyn Fn(&TaskResult) -> f64| {
        counted.iter().map(|r| value(r)).sum::<f64>() / counted.len().max(1) as f64
    };
    let pass1_by_family = by_family(&counted, 1);
    SuiteSummary {
        suite: suite.to_owned(),
        tasks: counted.len() as u64,
        families: pass1_by_family.len() as u64,
        samples: counted.first().map_or(0, |r| r.champion.samples.len() as u64),
        infra: (results.len() - counted.len()) as u64,
        baseline_pass1: mean(&|r| r.champion.pass_at(1)),
        candidate_pass1: mean(&|r| r.candidate.pass_at(1)),
        baseline_pass8: mean(&|r| r.champion.pass_at(8)),
        candidate_pass8: mean(&|r| r.candidate.pass_at(8)),
        pass1_by_family,
        pass8_by_family: by_family(&counted, 8),
    }
}

fn by_family(counted: &[&TaskResult], k: u64) -> Vec<(f64, u64)> {
    let mut families: BTreeMap<&str, (f64, u64)> = BTreeMap::new();
    for result in counted {
        let entry = families.entry(&result.family).or_default();
        entry.0 += result.candidate.pass_at(k) - result.champion.pass_at(k);
        entry.1 += 1;
    }
    families.into_values().collect()
}

/// The must-pass core: how many tasks the champion solves greedily and in every sample, and which of them the
/// candidate no longer solves greedily.
pub fn core(results: &[TaskResult]) -> (u64, Vec<String>) {
    let solid: Vec<&TaskResult> = results.iter().filter(|r| r.champion.solid() && !r.candidate.has_infra()).collect();
    let broken = solid.iter().filter(|r| r.candidate.greedy != Outcome::Pass).map(|r| r.id.clone()).collect();
    (solid.len() as u64, broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(passed: usize, of: usize, greedy: bool) -> ArmResult {
        let outcome = |pass| if pass { Outcome::Pass } else { Outcome::Fail };
        ArmResult { samples: (0..of).map(|i| outcome(i < passed)).collect(), greedy: outcome(greedy) }
    }

    fn result(id: &str, family: &str, champion: ArmResult, candidate: ArmResult) -> TaskResult {
        TaskResult { id: id.into(), family: family.into(), champion, candidate }
    }

    #[test]
    fn differences_are_paired_by_task_and_summed_by_family() {
        let results = [
            result("a", "f", arm(4, 8, false), arm(8, 8, true)),
            result("b", "f", arm(8, 8, true), arm(6, 8, true)),
            result("c", "g", arm(0, 8, false), arm(2, 8, false)),
        ];
        let got = summarise("sealed", &results);
        assert_eq!((got.tasks, got.families, got.samples), (3, 2, 8));
        let families: Vec<(i64, u64)> =
            got.pass1_by_family.iter().map(|(sum, tasks)| ((sum * 1e6).round() as i64, *tasks)).collect();
        assert_eq!(families, [(250_000, 2), (250_000, 1)]);
        assert!((got.baseline_pass1 - 0.5).abs() < 1e-12 && (got.candidate_pass1 - 16.0 / 24.0).abs() < 1e-12);
    }

    #[test]
    fn infra_in_one_arm_removes_the_task_from_both() {
        let mut hurt = result("a", "f", arm(8, 8, true), arm(8, 8, true));
        hurt.candidate.samples[3] = Outcome::Infra;
        let got = summarise("sealed", &[hurt, result("b", "f", arm(0, 8, false), arm(8, 8, true))]);
        assert_eq!((got.tasks, got.infra), (1, 1));
        assert_eq!(got.baseline_pass1, 0.0);
    }

    #[test]
    fn the_core_is_what_the_champion_never_misses() {
        let results = [
            result("solid-kept", "f", arm(8, 8, true), arm(7, 8, true)),
            result("solid-broken", "f", arm(8, 8, true), arm(7, 8, false)),
            result("shaky", "f", arm(7, 8, true), arm(0, 8, false)),
        ];
        assert_eq!(core(&results), (2, vec!["solid-broken".to_owned()]));
    }
}
