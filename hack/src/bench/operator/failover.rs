//! How long nobody acts after the leader was killed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::process::Operator;
use super::stage::Stage;

/// Longest wait.
const PATIENCE: Duration = Duration::from_mins(2);
/// Times that a leader is killed: how long its Lease still runs is a matter of chance.
const ROUNDS: usize = 3;

/// Seconds from the kill until the other operator has done its first reconcile; the worst of some rounds.
pub(super) async fn run(stage: &Stage) -> Result<f64> {
    let mut leader = Operator::start(stage, "leader-0", Some("bench-0"))?;
    acts(&leader).await?;
    let mut worst = 0.0_f64;
    for round in 1..=ROUNDS {
        let mut next = Operator::start(stage, &format!("leader-{round}"), Some(&format!("bench-{round}")))?;
        // Long enough to have a place in the queue for the Lease, and to have renewed it once.
        tokio::time::sleep(Duration::from_secs(8)).await;
        next.runs()?;
        let killed = Instant::now();
        drop(leader);
        acts(&next).await?;
        worst = worst.max(killed.elapsed().as_secs_f64());
        leader = next;
    }
    Ok(worst)
}

/// Waits until an operator has done a reconcile.
async fn acts(operator: &Operator) -> Result<()> {
    let begun = Instant::now();
    loop {
        let scrape = operator.scrape().await.unwrap_or_default();
        if scrape.one("genesis_operator_leads") == Some(1.0) && scrape.reconciles().count() > 0.0 {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("no other operator acts {} s after the leader was killed", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
