//! Connections between patterns that an answer shows.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Sqlite};

use super::Draft;
use crate::error::{LedgerError, Result};
use crate::ledger::query;
use crate::types::event::EventBody;

/// Adds the observations; returns the events of the relations they belong to.
pub(super) async fn apply(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<Vec<EventBody>> {
    let given = draft.given;
    if given.relations.is_empty() {
        return Ok(Vec::new());
    }
    let mut upsert = QueryBuilder::<Sqlite>::new("INSERT INTO relations (tenant, source, target, kind, observations) ");
    upsert.push_values(&given.relations, |mut row, relation| {
        row.push_bind(&given.scope.tenant)
            .push_bind(&relation.from)
            .push_bind(&relation.to)
            .push_bind(relation.kind.to_string())
            .push_bind(1_i64);
    });
    upsert.push(
        " ON CONFLICT DO UPDATE SET observations = observations + 1 RETURNING source, target, kind, observations",
    );
    let observed = upsert.build().fetch_all(&mut *connection).await.map_err(|error| refusal(error, draft))?;
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
    observed.iter().map(changed).collect()
}

fn changed(row: &SqliteRow) -> Result<EventBody> {
    Ok(EventBody::RelationChanged { relation: query::relation(row)? })
}

fn refusal(error: sqlx::Error, draft: &Draft<'_>) -> LedgerError {
    match error.as_database_error() {
        Some(refused) if refused.is_foreign_key_violation() => {
            let tenant = &draft.given.scope.tenant;
            LedgerError::Invalid(format!("a relation connects patterns of which tenant {tenant:?} does not know both"))
        }
        _ => LedgerError::Database(error),
    }
}
