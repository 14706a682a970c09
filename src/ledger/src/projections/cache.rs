//! Patterns in memory: the embedded stand-in for a cache server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use moka::future::Cache;

use super::{Contents, Projection};
use crate::error::Result;
use crate::ledger::{Census, Ledger};
use crate::rows;
use crate::types::event::{Event, EventBody};
use crate::types::pattern::PatternRecord;

type Key = (String, String);

/// Patterns by tenant and id; what is missing is read from the ledger.
pub struct PatternCache {
    ledger: Ledger,
    patterns: Cache<Key, Arc<PatternRecord>>,
    position: AtomicU64,
}

impl PatternCache {
    /// An empty cache is right at every position.
    pub(super) fn new(ledger: Ledger, capacity: u64, position: u64) -> Self {
        Self { ledger, patterns: Cache::new(capacity), position: AtomicU64::new(position) }
    }

    /// The pattern, from memory or from the ledger.
    pub async fn get(&self, tenant: &str, id: &str) -> Result<Option<Arc<PatternRecord>>> {
        let key = (tenant.to_owned(), id.to_owned());
        if let Some(known) = self.patterns.get(&key).await {
            return Ok(Some(known));
        }
        let Some(read) = self.ledger.pattern(tenant, id).await? else { return Ok(None) };
        Ok(Some(self.keep_newer(key, Arc::new(read)).await))
    }

    /// Keeps the record unless a newer one is there: a slow read must not undo an event.
    async fn keep_newer(&self, key: Key, record: Arc<PatternRecord>) -> Arc<PatternRecord> {
        self.patterns
            .entry(key)
            .and_upsert_with(|known| {
                let newest = match known {
                    Some(known) if known.value().revision >= record.revision => known.into_value(),
                    _ => record,
                };
                std::future::ready(newest)
            })
            .await
            .into_value()
    }
}

#[async_trait]
impl Projection for PatternCache {
    fn name(&self) -> &'static str {
        "cache"
    }

    async fn position(&self) -> Result<u64> {
        Ok(self.position.load(Ordering::Acquire))
    }

    async fn apply(&self, events: &[Event]) -> Result<()> {
        for event in events {
            if let EventBody::PatternChanged { pattern } = &event.body {
                let key = (event.tenant.clone(), pattern.id.clone());
                self.keep_newer(key, Arc::new(PatternRecord::clone(pattern))).await;
            }
            self.position.fetch_max(event.sequence, Ordering::AcqRel);
        }
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        self.patterns.invalidate_all();
        self.patterns.run_pending_tasks().await;
        self.position.store(0, Ordering::Release);
        Ok(())
    }

    /// Compares only what is in memory: the cache need not hold everything, but what it holds must be right.
    async fn compare(&self, census: &Census) -> Result<(Contents, Contents)> {
        self.patterns.run_pending_tasks().await;
        let known: BTreeMap<Key, Arc<PatternRecord>> =
            self.patterns.iter().map(|(key, pattern)| (Key::clone(&key), pattern)).collect();
        let (mut held, mut expected) = (Vec::new(), Vec::new());
        for (tenant, pattern) in &census.patterns {
            // A record read after the census is newer than it, which is no fault.
            let key = (tenant.clone(), pattern.id.clone());
            if let Some(cached) = known.get(&key).filter(|cached| cached.revision <= pattern.revision) {
                held.push(item(tenant, cached)?);
                expected.push(item(tenant, pattern)?);
            }
        }
        Ok((Contents::of(held), Contents::of(expected)))
    }
}

fn item(tenant: &str, pattern: &PatternRecord) -> Result<String> {
    Ok(format!("{tenant}\t{}", rows::to_json(pattern)?))
}
