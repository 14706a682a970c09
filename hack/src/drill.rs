//! `cargo dev drill`: the gate on promotion can say no.
//!
//! - **A/A**: the same model against itself, 200 times, through the real decision. Every run draws both arms anew from
//!   one pool of executed samples; about 5 % pass by chance, and no more may.
//! - **Shuffled**: an adapter trained on answers that were dealt out among the tasks at random, judged by a real
//!   Evaluation: never a pass.
//! - **Sabotage**: the same adapter as a canary under live traffic, as if a person had let it through: the Rollout
//!   takes it back by itself.

mod aa;
mod objects;

use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::demo::{Options, Stage, Traffic, start_held};
use crate::report;

/// Evaluations of a model against itself.
const AA_RUNS: u64 = 200;
/// 5 % of 200 are 10; more than 16 pass with a probability of 0.024 only.
const AA_MOST: u64 = 16;

/// The report.
#[derive(Debug, Serialize)]
pub struct Drill {
    seed: u64,
    aa_runs: u64,
    aa_passed: u64,
    aa_failed: u64,
    aa_inconclusive: u64,
    aa_tasks: usize,
    aa_pool_samples: u32,
    shuffled_passed: u64,
    shuffled_verdict: String,
    shuffled_message: String,
    sabotage_rolled_back: bool,
    sabotage_message: String,
    dropped_requests: usize,
    seconds: f64,
}

/// Runs all three and prints the table.
pub async fn run(options: &Options) -> Result<()> {
    let clock = std::time::Instant::now();
    let (stack, cluster, suites) = start_held(options).await?;
    let stage = Stage::begin("a/a", "drawing the pool of samples");
    let pool = aa::draw_pool(&cluster, options).await?;
    let aa = aa::judge_same_model(&pool, AA_RUNS, options.seed);
    stage.end(&format!("{AA_RUNS} evaluations of a model against itself: {} passed", aa.passed));

    let traffic = Traffic::new(&stack.api, &suites.loop_tasks, options.seed)?;
    let stage = Stage::begin("generate", "tasks for a dataset");
    traffic.send_all().await;
    stage.end(&format!("{} tasks answered", traffic.answered.load(Ordering::Relaxed)));
    let adapter = objects::train_shuffled(&cluster, options).await?;
    let evaluation = objects::evaluate(&cluster, options, &adapter).await?;
    let rollout = objects::roll_out(&cluster, &traffic, &adapter).await?;
    stack.stop()?;

    let drill = Drill {
        seed: options.seed,
        aa_runs: AA_RUNS,
        aa_passed: aa.passed,
        aa_failed: aa.failed,
        aa_inconclusive: aa.inconclusive,
        aa_tasks: pool.len(),
        aa_pool_samples: aa::POOL_SAMPLES,
        shuffled_passed: u64::from(evaluation.verdict == "Pass"),
        shuffled_verdict: evaluation.verdict,
        shuffled_message: evaluation.message,
        sabotage_rolled_back: rollout.completion == "RolledBack",
        sabotage_message: rollout.message,
        dropped_requests: rollout.dropped,
        seconds: clock.elapsed().as_secs_f64(),
    };
    drill.print();
    println!("report: {}", report::write("drill", &drill)?.display());
    drill.verify()
}

impl Drill {
    fn print(&self) {
        let mut table = report::table(&["drill", "result", ""]);
        let aa = format!("{} of {} passed", self.aa_passed, self.aa_runs);
        table.add_row([
            "A/A".to_owned(),
            aa,
            format!("{} failed, {} inconclusive", self.aa_failed, self.aa_inconclusive),
        ]);
        table.add_row(["shuffled labels".to_owned(), self.shuffled_verdict.clone(), self.shuffled_message.clone()]);
        let back = if self.sabotage_rolled_back { "rolled back" } else { "NOT rolled back" };
        table.add_row(["sabotaged canary".to_owned(), back.to_owned(), self.sabotage_message.clone()]);
        println!("{table}");
    }

    fn verify(&self) -> Result<()> {
        ensure!(
            self.aa_passed <= AA_MOST,
            "{} of {AA_RUNS} A/A evaluations passed, at most {AA_MOST} may",
            self.aa_passed
        );
        ensure!(self.shuffled_passed == 0, "an adapter trained on shuffled labels passed");
        ensure!(self.sabotage_rolled_back, "a sabotaged canary was not rolled back");
        ensure!(self.dropped_requests == 0, "{} requests got no answer", self.dropped_requests);
        Ok(())
    }
}
