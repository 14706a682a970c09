//! What an answer does to patterns: new versions, and the observations that move their standing.

mod standing;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use genesis_core::confidence::Exposure;
use genesis_core::execution::Outcome;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::Draft;
use crate::error::{LedgerError, Result};
use crate::rows::{self, select_patterns};
use crate::types::event::EventBody;
use crate::types::pattern::PatternRecord;
pub(in crate::ledger) use standing::{add, store};

/// Writes versions and observations; returns the events of the patterns that changed, in the order of their ids.
pub(super) async fn apply(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<Vec<EventBody>> {
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    for pattern in &draft.given.patterns {
        if versions::write(connection, draft, pattern).await? {
            changed.insert(&pattern.id);
        }
    }
    let used: BTreeSet<&str> = draft.given.pattern_uses.iter().map(|used| used.pattern.as_str()).collect();
    changed.extend(&used);
    let mut patterns = load(connection, &draft.given.scope.tenant, &changed).await?;
    let newly_verified = verify(connection, draft).await?;
    for id in used {
        let Some(pattern) = patterns.get_mut(id) else { continue };
        for used in draft.given.pattern_uses.iter().filter(|used| used.pattern == id) {
            add(pattern, used.exposure, used.outcome, used.quality, used.in_context);
        }
        pattern.verified_tasks += u64::from(newly_verified.contains(id));
        store(connection, &draft.given.scope.tenant, pattern).await?;
    }
    insert_uses(connection, draft).await?;
    Ok(patterns.into_values().map(|pattern| EventBody::PatternChanged { pattern: Box::new(pattern) }).collect())
}

/// The patterns as they stand inside the transaction; one that is not known is refused.
pub(in crate::ledger) async fn load(
    connection: &mut SqliteConnection,
    tenant: &str,
    ids: &BTreeSet<&str>,
) -> Result<BTreeMap<String, PatternRecord>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = QueryBuilder::<Sqlite>::new(select_patterns!("WHERE p.tenant = "));
    query.push_bind(tenant).push(" AND p.id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
    let found = query.build().fetch_all(connection).await?;
    let patterns: BTreeMap<_, _> = found
        .iter()
        .map(|row| rows::pattern(row).map(|pattern| (pattern.id.clone(), pattern)))
        .collect::<Result<_>>()?;
    match ids.iter().find(|id| !patterns.contains_key(**id)) {
        Some(id) => Err(LedgerError::Invalid(format!("pattern {id:?} is not known to tenant {tenant:?}"))),
        None => Ok(patterns),
    }
}

/// Notes that this generation's task verified the patterns that were shown and passed; returns those for which it is
/// the first time.
async fn verify(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<BTreeSet<String>> {
    let Some(task) = &draft.given.task else { return Ok(BTreeSet::new()) };
    let passed = draft
        .given
        .pattern_uses
        .iter()
        .filter(|used| used.exposure == Exposure::Shown && used.outcome == Outcome::Pass);
    let passed: BTreeSet<&str> = passed.map(|used| used.pattern.as_str()).collect();
    if passed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO pattern_tasks (tenant, pattern, task) ");
    insert.push_values(passed, |mut row, pattern| {
        row.push_bind(&draft.given.scope.tenant).push_bind(pattern).push_bind(&task.id);
    });
    insert.push(" ON CONFLICT DO NOTHING RETURNING pattern");
    let new = insert.build().fetch_all(connection).await?;
    new.iter().map(|row| Ok(row.try_get("pattern")?)).collect()
}

async fn insert_uses(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<()> {
    if draft.given.pattern_uses.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO pattern_uses (tenant, pattern, generation, position, exposure, propensity, in_context, outcome, quality) ",
    );
    insert.push_values(&draft.given.pattern_uses, |mut row, used| {
        row.push_bind(&draft.given.scope.tenant)
            .push_bind(&used.pattern)
            .push_bind(draft.sequence)
            .push_bind(i64::from(used.candidate))
            .push_bind(used.exposure.to_string())
            .push_bind(used.propensity)
            .push_bind(i64::from(used.in_context))
            .push_bind(used.outcome.to_string())
            .push_bind(used.quality);
    });
    insert.build().execute(connection).await?;
    Ok(())
}
