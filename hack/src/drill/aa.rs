//! A model against itself, many times, from one pool of samples.

use anyhow::Result;
use genesis_core::execution::Outcome;
use genesis_core::promotion::{EvaluationSummary, PromotionGate, Verdict, judge};
use genesis_evaluator::pair::{self, ArmResult, TaskResult};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::demo::{Cluster, Options, measure};

/// Samples of each task in the pool: two arms of eight are drawn from them.
pub const POOL_SAMPLES: u32 = 32;
const ARM: usize = 8;

/// How the evaluations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub inconclusive: u64,
}

/// Samples the base on the sealed tasks and executes everything.
pub async fn draw_pool(cluster: &Cluster, options: &Options) -> Result<Vec<TaskResult>> {
    measure::results(cluster, options, POOL_SAMPLES).await
}

/// Draws both arms anew for every run, without replacement, and lets the real decision judge.
pub fn judge_same_model(pool: &[TaskResult], runs: u64, seed: u64) -> Tally {
    let mut tally = Tally::default();
    for run in 0..runs {
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(run));
        let results: Vec<TaskResult> = pool.iter().map(|task| split(task, &mut rng)).collect();
        let (core_tasks, core_broken) = pair::core(&results);
        let suites = vec![pair::summarise("sealed", &results)];
        let summary = EvaluationSummary { suites, core_tasks, core_broken, executions: 0, seed: run };
        match judge(&PromotionGate::default(), &summary).verdict {
            Verdict::Pass => tally.passed += 1,
            Verdict::Fail => tally.failed += 1,
            Verdict::Inconclusive => tally.inconclusive += 1,
        }
    }
    tally
}

fn split(task: &TaskResult, rng: &mut ChaCha8Rng) -> TaskResult {
    let mut samples: Vec<Outcome> = task.champion.samples.clone();
    samples.shuffle(rng);
    let arm = |samples: &[Outcome]| ArmResult { samples: samples.to_vec(), greedy: task.champion.greedy };
    let (first, rest) = samples.split_at(ARM.min(samples.len()));
    let second = &rest[..ARM.min(rest.len())];
    TaskResult { id: task.id.clone(), family: task.family.clone(), champion: arm(first), candidate: arm(second) }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    /// 48 families of five tasks with rates between 0 and 1, as the demo has them.
    fn pool() -> Vec<TaskResult> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..240)
            .map(|i| {
                let rate: f64 = rng.random();
                let draw = |_| if rng.random_bool(rate) { Outcome::Pass } else { Outcome::Fail };
                let arm = ArmResult { samples: (0..POOL_SAMPLES).map(draw).collect(), greedy: Outcome::Pass };
                TaskResult { id: i.to_string(), family: (i / 5).to_string(), champion: arm.clone(), candidate: arm }
            })
            .collect()
    }

    #[test]
    fn a_model_rarely_beats_itself() {
        let tally = judge_same_model(&pool(), 200, 1);
        assert!(tally.passed <= 16, "{tally:?}");
        assert_eq!(tally.passed + tally.failed + tally.inconclusive, 200);
    }

    #[test]
    fn a_better_model_is_seen() {
        let mut better = pool();
        for task in &mut better {
            task.champion.samples[..16].fill(Outcome::Fail);
            task.champion.samples[16..].fill(Outcome::Pass);
        }
        let results: Vec<TaskResult> = better
            .iter()
            .map(|t| TaskResult {
                champion: ArmResult { samples: t.champion.samples[12..20].to_vec(), greedy: Outcome::Pass },
                candidate: ArmResult { samples: t.champion.samples[14..22].to_vec(), greedy: Outcome::Pass },
                ..t.clone()
            })
            .collect();
        let summary =
            EvaluationSummary { suites: vec![pair::summarise("sealed", &results)], ..EvaluationSummary::default() };
        assert_eq!(judge(&PromotionGate::default(), &summary).verdict, Verdict::Pass);
    }
}
