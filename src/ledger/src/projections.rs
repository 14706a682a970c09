//! Projections: graph, vector index and cache, derived from the outbox and nothing else.
//!
//! Each remembers up to where it has applied the outbox, takes an event twice without harm, can be made anew
//! from the ledger, and can be compared with it. Losing one loses nothing.

pub mod cache;
pub mod graph;
pub mod retrieval;
pub mod vectors;

mod relay;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use genesis_core::Digest;
use serde::Serialize;

use crate::embedding::{Embedder, LexicalEmbedder};
use crate::error::Result;
use crate::ledger::{Census, Ledger};
use crate::types::event::Event;
use cache::PatternCache;
use graph::Graph;
use vectors::VectorIndex;

/// Settings of the embedded projections.
#[derive(Clone)]
pub struct ProjectionOptions {
    /// File of graph and vectors; `None` keeps them in memory and makes them anew at every start.
    pub path: Option<PathBuf>,
    /// What turns prompts into vectors.
    pub embedder: Arc<dyn Embedder>,
    /// Patterns kept in memory.
    pub cached_patterns: u64,
}

impl Default for ProjectionOptions {
    fn default() -> Self {
        Self { path: None, embedder: Arc::new(LexicalEmbedder), cached_patterns: 10_000 }
    }
}

/// What a projection holds, in a form that two of them can be compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Items.
    pub count: u64,
    /// Digest of the sorted items.
    pub digest: Digest,
}

impl Contents {
    /// Contents of these items, in whatever order they come.
    pub(crate) fn of(mut items: Vec<String>) -> Self {
        items.sort_unstable();
        let count = items.len() as u64;
        Self { count, digest: Digest::of_bytes(items.join("\n").as_bytes()) }
    }
}

/// A projection compared with the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Name of the projection.
    pub projection: String,
    /// The position both were compared at.
    pub position: u64,
    /// What it holds.
    pub projected: Contents,
    /// What it should hold.
    pub expected: Contents,
}

impl Verification {
    /// Whether the projection is what the ledger says.
    pub fn matches(&self) -> bool {
        self.projected == self.expected
    }
}

/// One thing derived from the outbox.
#[async_trait]
pub trait Projection: Send + Sync {
    /// `graph`, `vectors`, `cache`.
    fn name(&self) -> &'static str;
    /// Up to where the outbox was applied.
    async fn position(&self) -> Result<u64>;
    /// Applies events in order and moves the position, both or neither. Events already applied are skipped.
    async fn apply(&self, events: &[Event]) -> Result<()>;
    /// Forgets what it holds, so that the whole outbox is applied again.
    async fn clear(&self) -> Result<()>;
    /// What it holds and what it should hold. Both are at the census's position.
    async fn compare(&self, census: &Census) -> Result<(Contents, Contents)>;
}

/// All projections of one ledger.
pub struct Projections {
    ledger: Ledger,
    graph: Arc<Graph>,
    vectors: Arc<VectorIndex>,
    cache: Arc<PatternCache>,
    all: Vec<Arc<dyn Projection>>,
    /// Held while events are applied: of two relays, one waits.
    applying: tokio::sync::Mutex<()>,
}

impl Projections {
    /// Opens the projections and brings them up to the ledger's present position.
    pub async fn open(ledger: Ledger, options: ProjectionOptions) -> Result<Self> {
        let head = ledger.head().await?;
        let store = store::open(options.path.as_deref()).await?;
        let graph = Arc::new(Graph::open(store.clone()).await?);
        let vectors = Arc::new(VectorIndex::open(store, options.embedder).await?);
        let cache = Arc::new(PatternCache::new(ledger.clone(), options.cached_patterns, head));
        let all: Vec<Arc<dyn Projection>> = vec![graph.clone(), vectors.clone(), cache.clone()];
        let projections = Self { ledger, graph, vectors, cache, all, applying: tokio::sync::Mutex::new(()) };
        projections.catch_up().await?;
        Ok(projections)
    }
}
