//! Candidates: with verdicts and records as the JSON they came in.

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::Draft;
use crate::error::Result;
use crate::rows;
use crate::types::generation::NewCandidate;

/// What of a candidate is stored as JSON.
pub(super) struct EncodedCandidate {
    patterns_shown: String,
    patterns_withheld: String,
    gate: String,
    execution: Option<String>,
}

impl EncodedCandidate {
    pub(super) fn of(candidate: &NewCandidate) -> Result<Self> {
        Ok(Self {
            patterns_shown: rows::to_json(&candidate.patterns_shown)?,
            patterns_withheld: rows::to_json(&candidate.patterns_withheld)?,
            gate: rows::to_json(&candidate.gate)?,
            execution: candidate.execution.as_ref().map(rows::to_json).transpose()?,
        })
    }
}

/// Inserts the candidates of a generation; `encoded` are their JSON parts in the same order.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    draft: &Draft<'_>,
    encoded: &[EncodedCandidate],
) -> Result<()> {
    if encoded.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO candidates (generation, position, tenant, pathway, completion, source, normalised, patterns_shown, \
         patterns_withheld, gate_passed, gate, execution_id, execution, outcome, quality, enters_corpus) ",
    );
    let candidates = draft.given.candidates.iter().zip(encoded).enumerate();
    insert.push_values(candidates, |mut row, (position, (candidate, encoded))| {
        row.push_bind(draft.sequence)
            .push_bind(position as i64)
            .push_bind(&draft.given.scope.tenant)
            .push_bind(candidate.pathway.to_string())
            .push_bind(&candidate.completion)
            .push_bind(&candidate.source)
            .push_bind(candidate.normalised.as_str())
            .push_bind(&encoded.patterns_shown)
            .push_bind(&encoded.patterns_withheld)
            .push_bind(candidate.gate.passed)
            .push_bind(&encoded.gate)
            .push_bind(candidate.execution.as_ref().map(|execution| execution.id.as_str()))
            .push_bind(&encoded.execution)
            .push_bind(candidate.outcome.to_string())
            .push_bind(candidate.quality.map(|quality| quality.score))
            .push_bind(candidate.enters_corpus);
    });
    insert.build().execute(connection).await?;
    Ok(())
}
