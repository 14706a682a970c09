//! Connections between patterns that an answer shows.

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::Draft;
use crate::error::{LedgerError, Result};
use crate::types::event::EventBody;
use crate::types::pattern::{NewRelation, RelationRecord};

/// Adds the observations; returns the events of the relations they belong to.
pub(super) async fn apply(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<Vec<EventBody>> {
    let given = draft.given;
    if given.relations.is_empty() {
        return Ok(Vec::new());
    }
    let mut events = Vec::with_capacity(given.relations.len());
    for relation in &given.relations {
        let observations = observe(connection, &given.scope.tenant, relation).await?;
        let relation =
            RelationRecord { from: relation.from.clone(), to: relation.to.clone(), kind: relation.kind, observations };
        events.push(EventBody::RelationChanged { relation });
    }
    let mut insert =
        QueryBuilder::<Sqlite>::new("INSERT INTO relation_observations (generation, tenant, source, target, kind) ");
    insert.push_values(&given.relations, |mut row, relation| {
        row.push_bind(draft.sequence)
            .push_bind(&given.scope.tenant)
            .push_bind(&relation.from)
            .push_bind(&relation.to)
            .push_bind(relation.kind.to_string());
    });
    insert.build().execute(connection).await?;
    Ok(events)
}

async fn observe(connection: &mut SqliteConnection, tenant: &str, relation: &NewRelation) -> Result<u64> {
    let row = sqlx::query(
        "INSERT INTO relations (tenant, source, target, kind, observations) VALUES (?1, ?2, ?3, ?4, 1) \
         ON CONFLICT DO UPDATE SET observations = observations + 1 RETURNING observations",
    )
    .bind(tenant)
    .bind(&relation.from)
    .bind(&relation.to)
    .bind(relation.kind.to_string())
    .fetch_one(connection)
    .await
    .map_err(|error| match error.as_database_error() {
        Some(refused) if refused.is_foreign_key_violation() => LedgerError::Invalid(format!(
            "a relation connects {:?} and {:?}, of which tenant {tenant:?} does not know both",
            relation.from, relation.to
        )),
        _ => LedgerError::Database(error),
    })?;
    Ok(row.try_get::<i64, _>("observations")?.cast_unsigned())
}
