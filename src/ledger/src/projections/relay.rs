//! The relay: carries events from the outbox to the projections, and proves that they arrived.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{Projection, Projections, Verification};
use crate::error::{LedgerError, Result};

/// Events applied in one step.
const STEP: u32 = 500;
/// Pause after a failure, so that a projection that is down is not asked in a tight loop.
const PAUSE: Duration = Duration::from_millis(500);
/// Writers may commit between catching up and reading the ledger: how often to try for a quiet moment.
const ATTEMPTS: u32 = 20;

impl Projections {
    /// Applies everything committed so far. Of several failures the first is returned, after all were tried:
    /// one projection that is down does not hold up the others.
    pub async fn catch_up(&self) -> Result<()> {
        let _applying = self.applying.lock().await;
        let mut first_failure = None;
        for projection in &self.all {
            if let Err(error) = self.feed(projection.as_ref()).await {
                tracing::warn!(projection = projection.name(), %error, "a projection could not be brought up to date");
                first_failure.get_or_insert(error);
            }
        }
        first_failure.map_or(Ok(()), Err)
    }

    async fn feed(&self, projection: &dyn Projection) -> Result<()> {
        let mut position = projection.position().await?;
        if position > self.ledger.head().await? {
            tracing::warn!(
                projection = projection.name(),
                position,
                "ahead of the ledger, which was restored: made anew"
            );
            projection.clear().await?;
            position = projection.position().await?;
        }
        loop {
            let events = self.ledger.events_after(position, STEP).await?;
            let Some(last) = events.last() else { return Ok(()) };
            position = last.sequence;
            projection.apply(&events).await?;
        }
    }

    /// Starts a task that applies events as they are committed. It may be aborted at any moment: each step is
    /// whole or not done. It ends when the ledger is closed.
    pub fn start_relay(self: &Arc<Self>) -> JoinHandle<()> {
        let projections = Arc::clone(self);
        tokio::spawn(async move {
            let mut committed = projections.ledger.committed();
            loop {
                committed.mark_unchanged();
                match projections.catch_up().await {
                    Ok(()) => {
                        if committed.changed().await.is_err() {
                            return;
                        }
                    }
                    // Whatever a projection said: of a ledger that is closed nothing more comes.
                    Err(_) if committed.has_changed().is_err() => return,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        })
    }

    /// Makes every projection anew from the outbox.
    pub async fn rebuild(&self) -> Result<()> {
        {
            let _applying = self.applying.lock().await;
            for projection in &self.all {
                projection.clear().await?;
            }
        }
        self.catch_up().await
    }

    /// Compares every projection with the ledger's own tables, by count and digest.
    pub async fn verify(&self) -> Result<Vec<Verification>> {
        let mut verified = Vec::with_capacity(self.all.len());
        for projection in &self.all {
            verified.push(self.verify_one(projection.as_ref()).await?);
        }
        Ok(verified)
    }

    async fn verify_one(&self, projection: &dyn Projection) -> Result<Verification> {
        for _ in 0..ATTEMPTS {
            self.catch_up().await?;
            let census = self.ledger.census().await?;
            let _applying = self.applying.lock().await;
            if projection.position().await? == census.position {
                let (projected, expected) = projection.compare(&census).await?;
                let (name, position) = (projection.name().to_owned(), census.position);
                return Ok(Verification { projection: name, position, projected, expected });
            }
        }
        Err(LedgerError::Invalid(format!("{} could not be compared: the ledger is never quiet", projection.name())))
    }
}
