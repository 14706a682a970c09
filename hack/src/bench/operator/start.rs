//! How long a start takes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::mix::Mix;
use super::process::Operator;
use super::scrape::Scrape;

/// Longest wait.
const PATIENCE: Duration = Duration::from_mins(15);
/// Objects of one kind that the operator works on at once: while fewer are under way, none waits for its turn.
const CONCURRENCY: f64 = 8.0;

/// Whether work waits because the operator does as much at once as it may.
pub(super) fn is_saturated(scrape: &Scrape) -> bool {
    scrape.by("genesis_operator_reconciles_under_way", "kind").values().any(|count| *count >= CONCURRENCY)
}

/// Seconds until every object was reconciled once, and no work waits.
pub(super) async fn until_seen(operator: &Operator, mix: &Mix) -> Result<f64> {
    let (begun, wanted) = (Instant::now(), mix.by_kind());
    loop {
        let scrape = operator.scrape().await.unwrap_or_default();
        let seen = scrape.by("genesis_operator_objects_seen", "kind");
        let all = wanted.iter().all(|(kind, count)| seen.get(kind).is_some_and(|seen| *seen >= *count as f64));
        if all && !is_saturated(&scrape) {
            return Ok(begun.elapsed().as_secs_f64());
        }
        if begun.elapsed() > PATIENCE {
            bail!("of {wanted:?} only {seen:?} were reconciled within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
