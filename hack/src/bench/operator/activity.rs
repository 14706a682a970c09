//! What the operator does in a stretch of time.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::process::Operator;
use super::start::is_saturated;

/// Between two looks at queue and memory.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// What it did.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity {
    /// Resident memory at the end.
    pub rss_mib: f64,
    /// Reconciles in a second.
    pub reconciles_per_second: f64,
    /// How long one took, milliseconds, in the middle and at worst in 99 of 100.
    pub p50_ms: f64,
    /// See above.
    pub p99_ms: f64,
    /// Share of looks at which work waited.
    pub saturated: f64,
    /// Longest silence of a watch at the end, seconds.
    pub watch_silence_seconds: f64,
    /// Processors that it kept busy.
    pub processors: f64,
}

/// Looks at it for a while.
pub(super) async fn watch(operator: &Operator, length: Duration) -> Result<Activity> {
    let (begun, processor) = (Instant::now(), operator.cpu_seconds()?);
    let before = operator.scrape().await?.reconciles();
    let (mut looks, mut saturated) = (0.0_f64, 0.0);
    while begun.elapsed() < length {
        tokio::time::sleep(PAUSE).await;
        looks += 1.0;
        if is_saturated(&operator.scrape().await?) {
            saturated += 1.0;
        }
    }
    let scrape = operator.scrape().await?;
    let (reconciles, seconds) = (scrape.reconciles().since(&before), begun.elapsed().as_secs_f64());
    let milliseconds = |q| 1_000.0 * reconciles.quantile(q).unwrap_or(0.0);
    let silences = scrape.by("genesis_operator_watch_silence_seconds", "watch");
    Ok(Activity {
        rss_mib: operator.rss_mib()?,
        reconciles_per_second: reconciles.count() / seconds,
        p50_ms: milliseconds(0.5),
        p99_ms: milliseconds(0.99),
        saturated: saturated / looks.max(1.0),
        watch_silence_seconds: silences.into_values().fold(0.0, f64::max),
        processors: (operator.cpu_seconds()? - processor) / seconds,
    })
}
