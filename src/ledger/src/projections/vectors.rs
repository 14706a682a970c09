//! The vector index: which patterns answered prompts like this one. The embedded stand-in for a vector database.
//!
//! Vectors are kept in the projections' file; the graph that searches them (HNSW, Malkov & Yashunin, 2016) is in
//! memory and made from them at start. One index for each tenant: a search cannot see another's patterns.

mod index;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use genesis_core::Digest;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::{Contents, Projection, store};
use crate::embedding::{Embedder, EmbeddingError};
use crate::error::{LedgerError, Result};
use crate::ledger::Census;
use crate::types::event::{Event, EventBody};
use crate::types::pattern::PatternRecord;
use index::TenantIndex;

const NAME: &str = "vectors";

/// The vector index.
pub struct VectorIndex {
    pool: SqlitePool,
    embedder: Arc<dyn Embedder>,
    fingerprint: String,
    tenants: RwLock<HashMap<String, TenantIndex>>,
}

/// A pattern whose prompt is like the query.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The pattern.
    pub pattern: String,
    /// Cosine of the two prompts, in `[-1, 1]`.
    pub similarity: f32,
}

impl VectorIndex {
    pub(super) async fn open(pool: SqlitePool, embedder: Arc<dyn Embedder>) -> Result<Self> {
        let fingerprint = format!("vectors-v1 {} {}", embedder.name(), embedder.dimensions());
        let index = Self { pool, embedder, fingerprint, tenants: RwLock::default() };
        if store::made_by(&index.pool, NAME, &index.fingerprint).await? {
            index.load().await?;
        } else {
            index.clear().await?;
        }
        Ok(index)
    }

    /// The vector of a query.
    pub async fn vector(&self, query: &str) -> Result<Vec<f32>> {
        Ok(self.embed(vec![query.to_owned()]).await?.pop().unwrap_or_default())
    }

    /// Patterns of the tenant by similarity of their prompt to a query's vector, the nearest first.
    ///
    /// `wanted` of them for which `accept` holds, fewer if there are not as many.
    pub fn nearest(
        &self,
        tenant: &str,
        vector: &[f32],
        wanted: usize,
        accept: &(dyn Fn(&str) -> bool + Sync),
    ) -> Vec<Match> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant).map(|index| index.nearest(vector, wanted, accept)).unwrap_or_default()
    }

    async fn load(&self) -> Result<()> {
        let stored =
            sqlx::query("SELECT tenant, pattern, vector FROM vectors WHERE retired = 0 ORDER BY tenant, pattern")
                .fetch_all(&self.pool)
                .await?;
        let mut tenants: HashMap<String, TenantIndex> = HashMap::new();
        for row in &stored {
            let vector = from_bytes(&row.try_get::<Vec<u8>, _>("vector")?)?;
            tenants.entry(row.try_get("tenant")?).or_default().put(&row.try_get::<String, _>("pattern")?, vector);
        }
        *self.tenants.write().unwrap_or_else(PoisonError::into_inner) = tenants;
        Ok(())
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let vectors = self.embedder.embed(&texts).await?;
        let (count, dimensions) = (texts.len(), self.embedder.dimensions());
        if vectors.len() != count || vectors.iter().any(|vector| vector.len() != dimensions) {
            return Err(EmbeddingError::Shape {
                embedder: self.embedder.name().to_owned(),
                want: format!("{count} vectors of {dimensions}"),
                got: format!("{} vectors of {:?}", vectors.len(), vectors.first().map(Vec::len)),
            });
        }
        Ok(vectors)
    }

    /// The vectors that the changes need: one for each prompt that is not stored yet.
    async fn missing(&self, changes: &[Change<'_>]) -> Result<HashMap<String, Vec<f32>>> {
        let mut prompts = Vec::new();
        for change in changes {
            let known: Option<String> =
                sqlx::query_scalar("SELECT prompt FROM vectors WHERE tenant = ?1 AND pattern = ?2")
                    .bind(change.tenant)
                    .bind(&change.pattern.id)
                    .fetch_optional(&self.pool)
                    .await?;
            let new = known.as_deref() != Some(digest(change.pattern).as_str());
            if new && !prompts.contains(&change.pattern.prompt) {
                prompts.push(change.pattern.prompt.clone());
            }
        }
        if prompts.is_empty() {
            return Ok(HashMap::new());
        }
        let vectors = self.embed(prompts.clone()).await?;
        Ok(prompts.into_iter().zip(vectors).collect())
    }
}

/// The newest state of one pattern among some events.
struct Change<'a> {
    sequence: u64,
    tenant: &'a str,
    pattern: &'a PatternRecord,
}

#[async_trait]
impl Projection for VectorIndex {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn position(&self) -> Result<u64> {
        store::position(&mut *self.pool.acquire().await?, NAME).await
    }

    async fn apply(&self, events: &[Event]) -> Result<()> {
        let position = self.position().await?;
        let Some(last) = events.last().filter(|last| last.sequence > position) else { return Ok(()) };
        // Of several changes of one pattern only the last matters.
        let mut newest: HashMap<(&str, &str), Change<'_>> = HashMap::new();
        for event in events.iter().filter(|event| event.sequence > position) {
            if let EventBody::PatternChanged { pattern } = &event.body {
                let change = Change { sequence: event.sequence, tenant: &event.tenant, pattern };
                newest.insert((&event.tenant, &pattern.id), change);
            }
        }
        let mut changes: Vec<Change<'_>> = newest.into_values().collect();
        changes.sort_by_key(|change| change.sequence);
        // Asked for before the transaction begins: an inference server may take its time.
        let vectors = self.missing(&changes).await?;
        let mut transaction = self.pool.begin().await?;
        for change in &changes {
            put(&mut transaction, change, vectors.get(&change.pattern.prompt)).await?;
        }
        store::advance(&mut transaction, NAME, &self.fingerprint, last.sequence).await?;
        let mut stored = Vec::with_capacity(changes.len());
        for change in &changes {
            stored.push(read(&mut transaction, change).await?);
        }
        transaction.commit().await?;
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        for (change, vector) in changes.iter().zip(stored) {
            let index = tenants.entry(change.tenant.to_owned()).or_default();
            if change.pattern.retired {
                index.remove(&change.pattern.id);
            } else {
                index.put(&change.pattern.id, vector);
            }
        }
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM vectors").execute(&mut *transaction).await?;
        store::advance(&mut transaction, NAME, &self.fingerprint, 0).await?;
        transaction.commit().await?;
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    async fn compare(&self, census: &Census) -> Result<(Contents, Contents)> {
        let mut reading = self.pool.acquire().await?;
        let mut held = store::items(
            &mut reading,
            "SELECT tenant || char(9) || pattern || char(9) || version || char(9) || prompt || char(9) || retired FROM vectors",
        )
        .await?;
        let mut expected = Vec::with_capacity(census.patterns.len());
        for (tenant, pattern) in &census.patterns {
            let retired = i64::from(pattern.retired);
            expected.push(format!("{tenant}\t{}\t{}\t{}\t{retired}", pattern.id, pattern.version, digest(pattern)));
        }
        // What is searched must be what is stored.
        let live = census.patterns.iter().filter(|(_, pattern)| !pattern.retired);
        expected.extend(live.map(|(tenant, pattern)| format!("searched\t{tenant}\t{}", pattern.id)));
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        for (tenant, index) in tenants.iter() {
            held.extend(index.patterns().map(|pattern| format!("searched\t{tenant}\t{pattern}")));
        }
        Ok((Contents::of(held), Contents::of(expected)))
    }
}

/// Digest of the text that a pattern is retrieved by.
fn digest(pattern: &PatternRecord) -> Digest {
    Digest::of_bytes(pattern.prompt.as_bytes())
}

/// Stores a change; without a vector the one that is stored stays.
async fn put(connection: &mut SqliteConnection, change: &Change<'_>, vector: Option<&Vec<f32>>) -> Result<()> {
    sqlx::query(
        "INSERT INTO vectors (tenant, pattern, version, prompt, vector, retired, sequence) \
         VALUES (?1, ?2, ?3, ?4, COALESCE(?5, (SELECT vector FROM vectors WHERE tenant = ?1 AND pattern = ?2)), ?6, ?7) \
         ON CONFLICT DO UPDATE SET version = excluded.version, prompt = excluded.prompt, vector = excluded.vector, \
         retired = excluded.retired, sequence = excluded.sequence WHERE excluded.sequence >= sequence",
    )
    .bind(change.tenant)
    .bind(&change.pattern.id)
    .bind(change.pattern.version)
    .bind(digest(change.pattern).as_str())
    .bind(vector.map(|vector| to_bytes(vector)))
    .bind(change.pattern.retired)
    .bind(change.sequence.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

async fn read(connection: &mut SqliteConnection, change: &Change<'_>) -> Result<Vec<f32>> {
    let row = sqlx::query("SELECT vector FROM vectors WHERE tenant = ?1 AND pattern = ?2")
        .bind(change.tenant)
        .bind(&change.pattern.id)
        .fetch_one(connection)
        .await?;
    from_bytes(&row.try_get::<Vec<u8>, _>("vector")?)
}

fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Result<Vec<f32>> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(LedgerError::Corrupt(format!("a vector has {} bytes, which is no multiple of 4", bytes.len())));
    }
    Ok(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
}
