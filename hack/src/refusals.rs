//! `cargo dev refusals`: bad input to a running stack. Each piece gets its own clear error, and the stack goes on.

mod adapters;
mod objects;
mod requests;
mod training;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::demo::{Options, Stage, start_held};
use crate::report;

/// One bad input and what was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// What was given.
    pub input: String,
    /// What was said.
    pub answer: String,
    /// Whether the answer names the fault.
    pub clear: bool,
}

impl Refusal {
    /// An answer is clear that has all of `words` in it.
    fn of(input: &str, answer: impl Into<String>, words: &[&str]) -> Self {
        let answer = answer.into();
        let clear = words.iter().all(|word| answer.contains(word));
        Self { input: input.to_owned(), answer, clear }
    }
}

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct Refusals {
    /// Each bad input.
    pub refusals: Vec<Refusal>,
    /// Good requests that were answered after all of them.
    pub answered_afterwards: usize,
    /// Times that the stack had to be started again.
    pub restarts: u32,
}

/// Gives a running stack everything bad, then asks it something good.
pub async fn run(options: &Options) -> Result<Refusals> {
    let (stack, cluster, suites) = start_held(options).await?;
    let stage = Stage::begin("refuse", "objects, requests, programs, trainings, adapters");
    let mut refusals = objects::all(&cluster).await?;
    refusals.extend(requests::all(&stack.api, &cluster).await?);
    let (trained, of_training) = training::all(&cluster, options).await?;
    refusals.extend(of_training);
    refusals.extend(adapters::all(&cluster, options, &trained).await?);
    stage.end(&format!("{} pieces of bad input", refusals.len()));

    cluster.wait_ready().await?;
    let answered_afterwards = requests::good(&stack.api, &suites.loop_tasks).await?;
    let restarts = stack.restarts();
    stack.stop()?;
    let refusals = Refusals { refusals, answered_afterwards, restarts };
    refusals.print();
    println!("report: {}", report::write("refusals", &refusals)?.display());
    refusals.verify()?;
    Ok(refusals)
}

impl Refusals {
    fn print(&self) {
        let mut table = report::table(&["input", "clear", "answer"]);
        for refusal in &self.refusals {
            let short: String = refusal.answer.chars().take(160).collect();
            table.add_row([refusal.input.as_str(), if refusal.clear { "yes" } else { "NO" }, &short]);
        }
        println!("{table}");
        println!("afterwards {} good requests answered, {} restarts", self.answered_afterwards, self.restarts);
    }

    fn verify(&self) -> Result<()> {
        let unclear: Vec<&Refusal> = self.refusals.iter().filter(|refusal| !refusal.clear).collect();
        ensure!(unclear.is_empty(), "these answers do not name the fault: {unclear:#?}");
        ensure!(self.answered_afterwards > 0, "no good request was answered afterwards");
        ensure!(self.restarts == 0, "the stack went down {} times", self.restarts);
        Ok(())
    }
}
