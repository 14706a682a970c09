//! Everything a projection is derived from, at one moment: what `verify` compares with.

use sqlx::Row as _;

use super::{Ledger, query};
use crate::error::Result;
use crate::rows::{self, select_learnings, select_patterns};
use crate::types::learning::LearningRecord;
use crate::types::pattern::{PatternRecord, RelationRecord};

/// The ledger's own rows, each with its tenant.
pub struct Census {
    /// Newest position of the outbox at that moment.
    pub position: u64,
    /// All patterns, retired ones too.
    pub patterns: Vec<(String, PatternRecord)>,
    /// All relations, those without observations too.
    pub relations: Vec<(String, RelationRecord)>,
    /// All learnings, reverted ones too.
    pub learnings: Vec<(String, LearningRecord)>,
}

impl Ledger {
    /// Reads the tables, not the outbox: so a lost or doubled event shows.
    pub async fn census(&self) -> Result<Census> {
        let mut reading = self.readers().begin().await?;
        let position: i64 =
            sqlx::query_scalar("SELECT COALESCE(MAX(sequence), 0) FROM outbox").fetch_one(&mut *reading).await?;
        let patterns = sqlx::query(select_patterns!("ORDER BY p.tenant, p.id")).fetch_all(&mut *reading).await?;
        let relations = sqlx::query("SELECT tenant, source, target, kind, observations FROM relations")
            .fetch_all(&mut *reading)
            .await?;
        let learnings = sqlx::query(select_learnings!("ORDER BY l.sequence")).fetch_all(&mut *reading).await?;
        reading.rollback().await?;
        let tenant = |row: &sqlx::sqlite::SqliteRow| row.try_get::<String, _>("tenant");
        Ok(Census {
            position: position.cast_unsigned(),
            patterns: patterns.iter().map(|row| Ok((tenant(row)?, rows::pattern(row)?))).collect::<Result<_>>()?,
            relations: relations.iter().map(|row| Ok((tenant(row)?, query::relation(row)?))).collect::<Result<_>>()?,
            learnings: learnings.iter().map(|row| Ok((tenant(row)?, rows::learning(row)?))).collect::<Result<_>>()?,
        })
    }
}
