//! The knowledge graph on SQL tables: the embedded stand-in for a graph database.
//!
//! Nodes are patterns and learnings. Edges say which patterns belong together (the relations), which task a
//! pattern solves or a learning is about, and which adapter earned it.

mod facts;

use async_trait::async_trait;
use genesis_core::learning::Relation;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::{Contents, Projection, store};
use crate::error::Result;
use crate::ledger::Census;
use crate::rows;
use crate::types::event::{Event, EventBody};
use crate::types::learning::LearningRecord;
use crate::types::pattern::RelationRecord;
use facts::{Edge, Node};

const NAME: &str = "graph";
/// Changes when the nodes or edges that an event gives change: older files are then made anew.
const FINGERPRINT: &str = "graph-v1";

/// The knowledge graph.
pub struct Graph {
    pool: SqlitePool,
}

impl Graph {
    pub(super) async fn open(pool: SqlitePool) -> Result<Self> {
        let graph = Self { pool };
        if !store::made_by(&graph.pool, NAME, FINGERPRINT).await? {
            graph.clear().await?;
        }
        Ok(graph)
    }

    #[cfg(test)]
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Relations among the given patterns of a tenant.
    pub async fn relations_among(&self, tenant: &str, patterns: &[String]) -> Result<Vec<RelationRecord>> {
        if patterns.len() < 2 {
            return Ok(Vec::new());
        }
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT source, target, kind, weight FROM graph_edges WHERE tenant = ");
        query.push_bind(tenant).push(" AND weight > 0 AND source IN (");
        let mut ids = query.separated(", ");
        for pattern in patterns {
            ids.push_bind(facts::pattern_id(pattern));
        }
        query.push(") AND target IN (");
        let mut ids = query.separated(", ");
        for pattern in patterns {
            ids.push_bind(facts::pattern_id(pattern));
        }
        query.push(") ORDER BY source, kind, target");
        let edges = query.build().fetch_all(&self.pool).await?;
        edges
            .iter()
            .map(|edge| {
                Ok(RelationRecord {
                    from: facts::name(edge.try_get("source")?),
                    to: facts::name(edge.try_get("target")?),
                    kind: rows::parsed::<Relation>(edge, "kind")?,
                    observations: rows::unsigned(edge, "weight")?,
                })
            })
            .collect()
    }
}

#[async_trait]
impl Projection for Graph {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn position(&self) -> Result<u64> {
        store::position(&mut *self.pool.acquire().await?, NAME).await
    }

    async fn apply(&self, events: &[Event]) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let mut position = store::position(&mut transaction, NAME).await?;
        for event in events {
            if event.sequence > position {
                apply_one(&mut transaction, event).await?;
                position = event.sequence;
            }
        }
        store::advance(&mut transaction, NAME, FINGERPRINT, position).await?;
        Ok(transaction.commit().await?)
    }

    async fn clear(&self) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::raw_sql("DELETE FROM graph_nodes; DELETE FROM graph_edges;").execute(&mut *transaction).await?;
        store::advance(&mut transaction, NAME, FINGERPRINT, 0).await?;
        Ok(transaction.commit().await?)
    }

    async fn compare(&self, census: &Census) -> Result<(Contents, Contents)> {
        let mut reading = self.pool.begin().await?;
        let mut held = store::items(
            &mut reading,
            "SELECT 'node' || char(9) || tenant || char(9) || id || char(9) || properties FROM graph_nodes",
        )
        .await?;
        held.extend(
            store::items(
                &mut reading,
                "SELECT 'edge' || char(9) || tenant || char(9) || source || char(9) || kind || char(9) || target \
                 || char(9) || weight FROM graph_edges",
            )
            .await?,
        );
        reading.rollback().await?;
        Ok((Contents::of(held), Contents::of(facts::expected(census)?)))
    }
}

async fn apply_one(connection: &mut SqliteConnection, event: &Event) -> Result<()> {
    let (node, edges) = match &event.body {
        EventBody::PatternChanged { pattern } => facts::of_pattern(pattern)?,
        EventBody::LearningCaptured { learning } => facts::of_learning(learning)?,
        EventBody::RelationChanged { relation } => {
            return put_edge(connection, event, &facts::of_relation(relation)).await;
        }
        EventBody::LearningsReverted { model, adapter, .. } => {
            return mark_reverted(connection, event, model, adapter.as_str()).await;
        }
        EventBody::GenerationRecorded { .. }
        | EventBody::DatasetFrozen { .. }
        | EventBody::AdapterRecorded { .. }
        | EventBody::EvaluationRecorded { .. }
        | EventBody::ChampionChanged { .. } => return Ok(()),
    };
    put_node(connection, event, &node).await?;
    // The task and the adapter are those of the present version: those of an older one are taken away.
    sqlx::query(
        "DELETE FROM graph_edges WHERE tenant = ?1 AND source = ?2 AND kind IN ('solves', 'about', 'earned_by')",
    )
    .bind(&event.tenant)
    .bind(&node.id)
    .execute(&mut *connection)
    .await?;
    for edge in &edges {
        put_edge(connection, event, edge).await?;
    }
    Ok(())
}

async fn put_node(connection: &mut SqliteConnection, event: &Event, node: &Node) -> Result<()> {
    sqlx::query(
        "INSERT INTO graph_nodes (tenant, id, kind, properties, sequence) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT DO UPDATE SET kind = excluded.kind, properties = excluded.properties, sequence = excluded.sequence \
         WHERE excluded.sequence >= sequence",
    )
    .bind(&event.tenant)
    .bind(&node.id)
    .bind(node.kind)
    .bind(&node.properties)
    .bind(event.sequence.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_edge(connection: &mut SqliteConnection, event: &Event, edge: &Edge) -> Result<()> {
    sqlx::query(
        "INSERT INTO graph_edges (tenant, source, kind, target, weight, sequence) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO UPDATE SET weight = excluded.weight, sequence = excluded.sequence \
         WHERE excluded.sequence >= sequence",
    )
    .bind(&event.tenant)
    .bind(&edge.source)
    .bind(&edge.kind)
    .bind(&edge.target)
    .bind(edge.weight.cast_signed())
    .bind(event.sequence.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks the learnings that an adapter earned before this event.
async fn mark_reverted(connection: &mut SqliteConnection, event: &Event, model: &str, adapter: &str) -> Result<()> {
    let learnings = sqlx::query(
        "SELECT properties FROM graph_nodes n JOIN graph_edges e ON e.tenant = n.tenant AND e.source = n.id \
         WHERE n.tenant = ?1 AND n.kind = 'learning' AND e.kind = 'earned_by' AND e.target = ?2 AND n.sequence <= ?3",
    )
    .bind(&event.tenant)
    .bind(facts::adapter_id(adapter))
    .bind(event.sequence.cast_signed())
    .fetch_all(&mut *connection)
    .await?;
    for row in &learnings {
        let mut learning: LearningRecord = rows::json(row, "properties")?;
        if learning.model == model {
            learning.reverted = true;
            put_node(connection, event, &facts::of_learning(&learning)?.0).await?;
        }
    }
    Ok(())
}
